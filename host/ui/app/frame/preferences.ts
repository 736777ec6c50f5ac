// What a person wants on every page, kept in the browser.
import { useLocalStorage } from '@mantine/hooks';

/** Whether times are those of the browser's zone, and how to change it. */
export function useLocalTime() {
  return useLocalStorage({ key: 'narthex.local-time', defaultValue: true });
}
