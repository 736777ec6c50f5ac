// A field that leaves only those entries of a list that have a text in them. What it holds is part
// of the page's address, so that a filtered page can be shared.
import { CloseButton, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import type { Search } from '../search';

/** A parameter of the page's address, and how to change it. */
export function useParameter(name: string): [string, (value: string) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = (value: string) =>
    void navigate({
      to: '.',
      search: (previous: Search) => ({ ...previous, [name]: value === '' ? undefined : value }),
      replace: true,
      // The router goes to the top otherwise.
      resetScroll: false,
    });
  return [search[name] ?? '', set];
}

export function Filter(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(props.value);
  // The address follows what is written, a moment later: while somebody writes, the field is right.
  useEffect(() => {
    if (document.activeElement !== field.current) setText(props.value);
  }, [props.value]);
  const change = (to: string) => {
    setText(to);
    props.onChange(to);
  };
  return (
    <TextInput
      ref={field}
      className="grows"
      size="sm"
      label={props.label}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      rightSection={
        text !== '' && (
          <CloseButton size="sm" aria-label="Clear the filter" onClick={() => change('')} />
        )
      }
    />
  );
}
