// The editor of an expression: it completes names that the server knows, and says what is wrong.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, indentOnInput } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { useComputedColorScheme } from '@mantine/core';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { type RefObject, useEffect, useRef } from 'react';
import { basePath, nonce } from '../page';
import { editorTheme } from './editorTheme';

/** Names are looked for in the series of so much time. */
const LOOKBACK_MS = 12 * 3_600_000;

export interface EditorProps {
  value: string;
  label: string;
  onChange: (value: string) => void;
  /** Enter was pressed; a new line is Shift and Enter. */
  onRun: (value: string) => void;
  /** Gets what writes a text where the cursor is. */
  insert?: RefObject<((text: string) => void) | null>;
}

function promql(): PromQLExtension {
  return new PromQLExtension().activateLinter(true).setComplete({
    remote: { url: basePath.replace(/\/$/, ''), lookbackInterval: LOOKBACK_MS },
  });
}

export function Editor({ value, label, onChange, onRun, insert }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const theme = useRef(new Compartment());
  const isDark = useComputedColorScheme('light') === 'dark';
  // The editor lives longer than one rendering, and calls what is newest.
  const calls = useRef({ onChange, onRun });
  calls.current = { onChange, onRun };
  const first = useRef({ value, label, isDark });

  useEffect(() => {
    if (place.current === null) return;
    const language = promql();
    const run = (editor: EditorView) => {
      calls.current.onRun(editor.state.doc.toString());
      return true;
    };
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first.current.value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          theme.current.of(editorTheme(first.current.isDark)),
          history(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          EditorView.lineWrapping,
          placeholder('Expression, e.g. rate(http_requests_total[5m])'),
          EditorView.contentAttributes.of({ 'aria-label': first.current.label }),
          // Enter takes a completion where a list of them is open; that has the higher rank.
          Prec.high(keymap.of([{ key: 'Shift-Enter', run: insertNewlineAndIndent }])),
          keymap.of([
            ...completionKeymap,
            { key: 'Enter', run },
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            ...lintKeymap,
          ]),
          language.asExtension(),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    if (insert !== undefined) {
      insert.current = (text) => {
        made.dispatch(made.state.replaceSelection(text), { scrollIntoView: true });
        made.focus();
      };
    }
    return () => {
      if (insert !== undefined) insert.current = null;
      language.destroy();
      made.destroy();
      view.current = null;
    };
  }, [insert]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    view.current?.dispatch({ effects: theme.current.reconfigure(editorTheme(isDark)) });
  }, [isDark]);

  return <div ref={place} className="editor" />;
}
