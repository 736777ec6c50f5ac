// Copies a text. Browsers have a clipboard for pages of HTTPS and of the machine itself alone; on others
// the older way still works.
import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';

/** So long the button says what has come of it. */
const SAID_MS = 2000;

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.setAttribute('aria-hidden', 'true');
  field.style.position = 'fixed';
  field.style.opacity = '0';
  document.body.append(field);
  field.select();
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}

export function CopyButton(props: {
  /** What is copied, at the press. */
  text: () => string;
  name?: string;
  disabled?: boolean;
  size?: 'xs' | 'compact-sm';
}) {
  const [said, setSaid] = useState<string>();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Button
      variant="default"
      size={props.size ?? 'xs'}
      disabled={props.disabled}
      onClick={() =>
        void copy(props.text()).then((isCopied) => setSaid(isCopied ? 'Copied' : 'Not copied'))
      }
    >
      {said ?? props.name ?? 'Copy'}
    </Button>
  );
}
