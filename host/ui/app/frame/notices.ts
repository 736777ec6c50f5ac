// What the server has to tell whoever looks: which notices hold, as its events say.

export interface Notice {
  text: string;
  date: string;
  active: boolean;
}

/** The notices that hold after some lines of events; what is no event is passed over. */
export function afterEvents(before: Notice[], lines: string[]): Notice[] {
  let notices = before;
  for (const line of lines) {
    if (!line.startsWith('data:')) continue;
    let read: unknown;
    try {
      read = JSON.parse(line.slice('data:'.length));
    } catch {
      continue;
    }
    if (typeof read !== 'object' || read === null) continue;
    const notice = read as Notice;
    if (typeof notice.text !== 'string') continue;
    const others = notices.filter((one) => one.text !== notice.text);
    notices = notice.active ? [...others, notice] : others;
  }
  return notices;
}
