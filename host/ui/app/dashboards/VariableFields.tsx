// The variables of a dashboard: a list to choose of, or a text to write.
import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Choice } from '../frame/Choice';
import type { ListVariable, TextVariable } from './spec';
import type { VariableState } from './useVariables';
import { ALL, OPTIONS_MAX } from './values';

type Choose = (chosen: string[]) => void;

function TextField(props: { variable: TextVariable; value: string; onChange: Choose }) {
  const { variable, value } = props;
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const take = () => {
    if (text !== value) props.onChange([text]);
  };
  return (
    <TextInput
      size="sm"
      label={variable.label}
      value={text}
      readOnly={variable.isConstant}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={take}
      onKeyDown={(event) => event.key === 'Enter' && take()}
    />
  );
}

/** What is chosen, and so many more. */
function summary(state: VariableState): string {
  const { chosen } = state;
  if (chosen.includes(ALL)) return 'All';
  const label = (value: string) =>
    state.options?.find((option) => option.value === value)?.label ?? value;
  const [first] = chosen;
  if (first === undefined) return 'None';
  return chosen.length === 1 ? label(first) : `${label(first)} and ${chosen.length - 1} more`;
}

function SeveralField(props: { state: VariableState; variable: ListVariable; onChange: Choose }) {
  const { state, variable, onChange } = props;
  const [filter, setFilter] = useState('');
  const options = state.options ?? [];
  const fitting = options.filter((one) => one.label.toLowerCase().includes(filter.toLowerCase()));
  // What the address says and nobody offers is still to be seen, and taken away.
  const others = state.chosen.filter(
    (value) => value !== ALL && !options.some((option) => option.value === value),
  );
  const toggle = (value: string) => {
    const isOn = state.chosen.includes(value);
    const rest = state.chosen.filter((one) => one !== value && one !== ALL);
    onChange(isOn ? rest : [...rest, value]);
  };
  return (
    <div className="several">
      <span className="several-label" id={`variable-${variable.name}`}>
        {variable.label}
      </span>
      <details
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.currentTarget.open = false;
          event.currentTarget.querySelector('summary')?.focus();
        }}
      >
        <summary aria-labelledby={`variable-${variable.name} variable-${variable.name}-value`}>
          <span id={`variable-${variable.name}-value`}>{summary(state)}</span>
        </summary>
        <div className="several-list">
          {options.length > 10 && (
            <TextInput
              size="xs"
              aria-label={`Filter ${variable.label}`}
              placeholder="Filter"
              value={filter}
              onChange={(event) => setFilter(event.currentTarget.value)}
            />
          )}
          {variable.hasAll && (
            <label>
              <input
                type="checkbox"
                checked={state.chosen.includes(ALL)}
                onChange={() => onChange([ALL])}
              />{' '}
              All
            </label>
          )}
          {[...others.map((value) => ({ value, label: value })), ...fitting].map((option) => (
            <label key={option.value}>
              <input
                type="checkbox"
                checked={state.chosen.includes(option.value)}
                onChange={() => toggle(option.value)}
              />{' '}
              {option.label === '' ? '(empty)' : option.label}
            </label>
          ))}
          {!state.isWhole && (
            <p className="quiet small">Only the first {OPTIONS_MAX} are listed.</p>
          )}
        </div>
      </details>
    </div>
  );
}

function ListField(props: { state: VariableState; variable: ListVariable; onChange: Choose }) {
  const { state, variable, onChange } = props;
  if (variable.isMultiple) return <SeveralField {...props} />;
  const options = [...(state.options ?? [])];
  if (variable.hasAll) options.unshift({ value: ALL, label: 'All' });
  const chosen = state.chosen[0] ?? '';
  if (!options.some((option) => option.value === chosen)) {
    options.unshift({ value: chosen, label: chosen });
  }
  return (
    <Choice
      label={variable.label}
      value={chosen}
      options={options}
      onChange={(value) => onChange([value])}
    />
  );
}

export function VariableFields(props: {
  states: VariableState[];
  onChange: (state: VariableState, chosen: string[]) => void;
}) {
  const shown = props.states.filter(({ variable }) => !variable.isHidden);
  return shown.map((state) => {
    const { variable } = state;
    const change = (chosen: string[]) => props.onChange(state, chosen);
    return (
      <div key={variable.name}>
        {variable.kind === 'text' ? (
          <TextField variable={variable} value={state.chosen[0] ?? ''} onChange={change} />
        ) : (
          <ListField state={state} variable={variable} onChange={change} />
        )}
        {state.error !== null && (
          <div className="bad small wraps" role="alert">
            {state.error instanceof Error ? state.error.message : String(state.error)}
          </div>
        )}
      </div>
    );
  });
}
