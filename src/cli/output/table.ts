/**
 * Lines up rows of cells in columns, two spaces apart.
 *
 * @param style - Decorates a cell after it was padded, so that what a terminal does not show has no width.
 */
export function table(
  rows: readonly (readonly string[])[],
  style: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row, rowNumber) => {
    const last = row.findLastIndex((cell) => cell !== "");
    return row
      .slice(0, last + 1)
      .map((cell, column) => style(column === last ? cell : cell.padEnd(widths[column] ?? 0), column, rowNumber))
      .join("  ");
  });
}
