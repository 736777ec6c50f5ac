// Labels as the API writes them.
export type Labels = Record<string, string>;
