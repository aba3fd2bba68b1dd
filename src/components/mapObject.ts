/** An object with a key and a value for each item, in the items' order. */
export function mapObject<Item, Value>(
  items: readonly Item[],
  key: (item: Item) => string,
  value: (item: Item) => Value,
): Record<string, Value> {
  return Object.fromEntries(items.map((item) => [key(item), value(item)]));
}
