// The matchers of a silence, to be written.
import { ActionIcon, Button, NativeSelect, TextInput } from '@mantine/core';
import type { SilenceMatcher } from '../api/silences';
import { Icon } from '../frame/Icon';
import { operator, OPERATORS, type Operator, withOperator } from './matchers';

export function MatcherFields(props: {
  matchers: SilenceMatcher[];
  onChange: (matchers: SilenceMatcher[]) => void;
}) {
  const { matchers, onChange } = props;
  const change = (index: number, to: SilenceMatcher) =>
    onChange(matchers.map((matcher, place) => (place === index ? to : matcher)));
  return (
    <fieldset className="fields">
      <legend>Matchers: an alert is muted where all of them match</legend>
      {matchers.map((matcher, index) => (
        <div key={index} className="tools">
          <TextInput
            className="grows"
            label={`Label ${index + 1}`}
            value={matcher.name}
            onChange={(event) => change(index, { ...matcher, name: event.currentTarget.value })}
          />
          <NativeSelect
            label="Operator"
            aria-label={`Operator ${index + 1}`}
            value={operator(matcher)}
            data={OPERATORS}
            onChange={(event) =>
              change(index, withOperator(matcher, event.currentTarget.value as Operator))
            }
          />
          <TextInput
            className="grows"
            label={`Value ${index + 1}`}
            value={matcher.value}
            onChange={(event) => change(index, { ...matcher, value: event.currentTarget.value })}
          />
          <ActionIcon
            variant="default"
            size={36}
            aria-label={`Remove matcher ${index + 1}`}
            onClick={() => onChange(matchers.filter((_, place) => place !== index))}
          >
            <Icon name="cross" size={16} />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button
          variant="default"
          size="xs"
          leftSection={<Icon name="plus" size={14} />}
          onClick={() =>
            onChange([...matchers, { name: '', value: '', isRegex: false, isEqual: true }])
          }
        >
          Add a matcher
        </Button>
      </div>
    </fieldset>
  );
}
