export async function runtimeApi() {
  return [];
}
