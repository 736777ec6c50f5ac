// One value of a series of them, by the names that Perses has for it.

type Calculate = (values: number[]) => number | undefined;

const isNumber = (value: number) => !Number.isNaN(value);

const CALCULATIONS: Record<string, Calculate> = {
  first: (values) => values[0],
  'first-number': (values) => values.find(isNumber),
  last: (values) => values.at(-1),
  'last-number': (values) => values.findLast(isNumber),
  max: (values) => extreme(values, (a, b) => a > b),
  min: (values) => extreme(values, (a, b) => a < b),
  mean: (values) => {
    const numbers = values.filter(isNumber);
    return numbers.length === 0 ? undefined : sum(numbers) / numbers.length;
  },
  sum: (values) => {
    const numbers = values.filter(isNumber);
    return numbers.length === 0 ? undefined : sum(numbers);
  },
};

function sum(values: number[]): number {
  return values.reduce((before, value) => before + value, 0);
}

function extreme(values: number[], isBetter: (a: number, b: number) => boolean): number | undefined {
  return values.filter(isNumber).reduce<number | undefined>(
    (best, value) => (best === undefined || isBetter(value, best) ? value : best),
    undefined,
  );
}

/** The value that a panel shows of a series; the last one where it names no way that we know. */
export function calculate(name: string, values: number[]): number | undefined {
  const found = Object.hasOwn(CALCULATIONS, name) ? CALCULATIONS[name] : undefined;
  return (found ?? CALCULATIONS['last-number'])?.(values);
}
