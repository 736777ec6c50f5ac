// The silences of the Alertmanager inside.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { alertmanager } from '../api/client';
import type { Silence } from '../api/silences';
import { Choice } from '../frame/Choice';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Icon } from '../frame/Icon';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { hasAlertmanager } from '../page';
import { matcherText } from './matchers';
import { MatcherFilter, useMatchers } from './MatcherFilter';
import { NoAlertmanager } from './NoAlertmanager';
import { SilenceBulk } from './SilenceBulk';
import { SilenceCard } from './SilenceCard';

const SILENCES_STEP = 50;

const STATES = ['active', 'pending', 'expired'] as const;

function texts(silence: Silence): string[] {
  return [silence.id, silence.createdBy, silence.comment, ...silence.matchers.map(matcherText)];
}

/** What ends first is looked at first; of what is over, what ended last. */
function ordered(silences: Silence[]): Silence[] {
  const end = (silence: Silence) => Date.parse(silence.endsAt);
  return [...silences].sort((a, b) => {
    const sign = a.status.state === 'expired' ? -1 : 1;
    return sign * (end(a) - end(b));
  });
}

export function SilencesPage() {
  const [chosen, setState] = useParameter('state');
  const [text, setText] = useParameter('search');
  const [id, setId] = useParameter('id');
  const filter = useMatchers();
  const [chosenIds, setChosenIds] = useState<ReadonlySet<string>>(new Set());
  const query = useQuery({
    queryKey: ['silences', filter],
    enabled: hasAlertmanager,
    queryFn: ({ signal }) => alertmanager<Silence[]>('GET', 'silences', { filter }, undefined, signal),
  });
  if (!hasAlertmanager) return <NoAlertmanager title="Silences" />;
  return (
    <Page
      title="Silences"
      actions={
        <>
          <Button
            size="xs"
            leftSection={<Icon name="plus" size={14} />}
            renderRoot={(props) => <Link to="/silences/new" {...props} />}
          >
            New silence
          </Button>
          <Refresh query={query} isAuto />
        </>
      }
    >
      {/* Not with what it asks for: who wrote what the server does not take writes something else there. */}
      <div className="tools">
        <MatcherFilter />
      </div>
      <Loaded query={query}>
        {(all) => {
          const silences = id === '' ? all : all.filter((silence) => silence.id === id);
          // A link to one silence leads to it, whatever has become of it.
          const state = STATES.find((one) => one === (id === '' ? chosen : silences[0]?.status.state)) ?? 'active';
          const of = (one: string) => silences.filter((silence) => silence.status.state === one);
          const shown = ordered(of(state)).filter((silence) => hasWords(text, texts(silence)));
          return (
            <>
              <div className="tools">
                <Filter label="Filter by matcher, author or comment" value={text} onChange={setText} />
                <Choice
                  label="State"
                  value={state}
                  onChange={setState}
                  options={STATES.map((one) => ({
                    value: one,
                    label: `${one} (${of(one).length})`,
                  }))}
                />
              </div>
              {id !== '' && (
                <p className="small wraps">
                  The silence {id} alone.{' '}
                  <button type="button" className="plain-button" onClick={() => setId('')}>
                    Show all silences
                  </button>
                </p>
              )}
              {shown.length === 0 && <p className="quiet">There is no such silence.</p>}
              {state !== 'expired' && shown.length > 0 && (
                <SilenceBulk
                  key={state}
                  shown={shown}
                  chosen={shown.filter(({ id }) => chosenIds.has(id))}
                  onChoose={(some) => setChosenIds(new Set(some.map(({ id }) => id)))}
                />
              )}
              <More of={shown} step={SILENCES_STEP} name="silences">
                {(some) =>
                  some.map((silence) => (
                    <SilenceCard
                      key={silence.id}
                      silence={silence}
                      nowMs={query.dataUpdatedAt}
                      isChosen={chosenIds.has(silence.id)}
                      onChoose={(isChosen) => {
                        const next = new Set(chosenIds);
                        if (isChosen) next.add(silence.id);
                        else next.delete(silence.id);
                        setChosenIds(next);
                      }}
                    />
                  ))
                }
              </More>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
