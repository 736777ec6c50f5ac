// A field of matchers that the server is asked with; what it holds is part of the page's address.
import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { SilenceMatcher } from '../api/silences';
import { useParameter } from '../frame/Filter';
import { matcherText, parseMatchers } from './matchers';

/** The matchers of the address as the server takes them; none where they cannot be read. */
export function useMatchers(): string[] {
  const [written] = useParameter('matchers');
  return (parseMatchers(written) ?? []).map((matcher: SilenceMatcher) => matcherText(matcher));
}

export function MatcherFilter() {
  const [written, setWritten] = useParameter('matchers');
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const isWrong = parseMatchers(text) === undefined;
  const take = () => {
    if (!isWrong && text !== written) setWritten(text);
  };
  return (
    <TextInput
      className="grows"
      size="sm"
      label="Matchers"
      placeholder={'job="node", severity=~"page|warn"'}
      value={text}
      error={isWrong ? 'They are written as name="value", name=~"pattern"' : undefined}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={take}
      onKeyDown={(event) => event.key === 'Enter' && take()}
    />
  );
}
