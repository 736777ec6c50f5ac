// Words that somebody looks for in texts.

/** Whether each word of a filter is somewhere in these texts; upper and lower case are one. */
export function hasWords(filter: string, texts: string[]): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return true;
  const text = texts.join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
