const PORT = 8080;
const LABELS = { "app.kubernetes.io/name": "bare" };

/**
 * A Deployment with a plain `node:http` server from the image of a function: everything that the function's Deployment
 * says of its pods is the same, but for what its process is, which is told by its command, its variables, and where its
 * probes ask.
 *
 * @returns Deployment, at zero replicas, and a Service in front of it.
 */
export function bareDeployment(functionDeployment, path) {
  const { namespace } = functionDeployment.metadata;
  const metadata = { name: "bare", namespace, labels: LABELS };
  const spec = globalThis.structuredClone(functionDeployment.spec.template.spec);
  spec.topologySpreadConstraints = spec.topologySpreadConstraints?.map((each) => ({
    ...each,
    labelSelector: { matchLabels: LABELS },
  }));
  const [container] = spec.containers;
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
    container[probe] = { ...container[probe], httpGet: { path, port: PORT, scheme: "HTTP" } };
  Object.assign(container, {
    command: ["node", "/function/nodeHttp.cjs"],
    env: [
      { name: "HOST", value: "0.0.0.0" },
      { name: "PORT", value: String(PORT) },
    ],
    ports: [{ name: "http", containerPort: PORT, protocol: "TCP" }],
  });
  return {
    labels: "app.kubernetes.io/name=bare",
    port: PORT,
    objects: [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: {
          replicas: 0,
          selector: { matchLabels: LABELS },
          template: { metadata: { labels: LABELS }, spec },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { selector: LABELS, ports: [{ port: PORT, targetPort: PORT }] },
      },
    ],
  };
}
