// How the editor looks in light and dark.
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const frame = EditorView.theme({
  '&': { fontSize: '0.92rem', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.5' },
  '.cm-content': { padding: '6px 0', caretColor: 'currentcolor' },
  '.cm-line': { padding: '0 8px' },
  '.cm-placeholder': { color: 'var(--quiet)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--mantine-color-body)',
    color: 'var(--mantine-color-text)',
    border: '1px solid var(--line)',
    borderRadius: '4px',
    maxWidth: 'min(90vw, 40rem)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--mantine-font-family-monospace)',
    maxHeight: '20rem',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
  '.cm-completionDetail': { color: 'var(--quiet)', fontStyle: 'normal', marginLeft: '1rem' },
  '.cm-completionInfo': { padding: '6px 8px', maxWidth: '24rem' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  // By the line that browsers draw: the editor's own is an image within the style sheet, which
  // the page's policy does not let in.
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy #d03030' },
  '.cm-lintRange-warning': { backgroundImage: 'none', textDecoration: 'underline wavy #b07000' },
  '.cm-lintRange-info': { backgroundImage: 'none', textDecoration: 'underline wavy #808890' },
  '.cm-diagnostic': { fontFamily: 'var(--mantine-font-family-monospace)' },
});

const light = EditorView.theme({
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: '#d3edf2',
    color: '#000',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: '#d3edf2' },
});

const dark = EditorView.theme(
  {
    '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
      backgroundColor: '#0b4a57',
      color: '#fff',
    },
    '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: '#0b4a57' },
    '.cm-cursor': { borderLeftColor: '#fff' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
      { backgroundColor: '#37505a' },
  },
  { dark: true },
);

function colours(is: { dark: boolean }) {
  const pick = (onLight: string, onDark: string) => (is.dark ? onDark : onLight);
  return HighlightStyle.define([
    { tag: tags.keyword, color: pick('#7a2ea0', '#d0a3f0') },
    { tag: tags.operatorKeyword, color: pick('#7a2ea0', '#d0a3f0') },
    { tag: tags.modifier, color: pick('#7a2ea0', '#d0a3f0') },
    { tag: tags.function(tags.variableName), color: pick('#0a5fa8', '#79c0ff') },
    { tag: tags.labelName, color: pick('#0f6b4f', '#7ee2b8') },
    { tag: tags.string, color: pick('#9a3b12', '#ffb38a') },
    { tag: tags.number, color: pick('#0a6273', '#66d9e8') },
    { tag: tags.comment, color: pick('#5a626b', '#a3abb5'), fontStyle: 'italic' },
    { tag: tags.invalid, color: pick('#b02525', '#ff8787') },
  ]);
}

const lightColours = colours({ dark: false });
const darkColours = colours({ dark: true });

export function editorTheme(isDark: boolean) {
  return [
    frame,
    isDark ? dark : light,
    syntaxHighlighting(isDark ? darkColours : lightColours),
  ];
}
