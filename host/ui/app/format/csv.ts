// Tables as comma-separated values (RFC 4180).

/**
 * A cell. Spreadsheets take a text that begins with one of `=+-@` for a formula, and labels are
 * whatever a target says, so such a text gets a quote in front; numbers stay as they are.
 */
export function cell(text: string): string {
  const isNumber = /^[+-]?(\d+(\.\d*)?(e[+-]?\d+)?|Inf)$/i.test(text);
  const safe = /^[=+\-@\t\r]/.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

export function csv(rows: string[][]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** Hands a text to the browser as a file. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
