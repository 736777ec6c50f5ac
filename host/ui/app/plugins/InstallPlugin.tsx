// Installs a plugin of the config's registry: first it shows who signed it and what it asks for, and
// what of that is more than before; only who has seen that can approve it.
import { Alert, Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post } from '../api/client';
import type { AvailablePlugin, PluginOffer } from '../api/plugins';
import { formatBytes } from '../format/number';
import { Failure } from '../frame/Failure';
import { Loading } from '../frame/Loading';
import { capabilities, step } from './offer';

/** So many plugins of the index are offered; the others are installed by their names. */
const AVAILABLE_MAX = 200;

function Capabilities({ offer }: { offer: PluginOffer }) {
  const all = capabilities(offer);
  if (all.length === 0) return <p className="quiet small">It asks for nothing.</p>;
  return (
    <div className="wide">
      <table className="folds">
        <thead>
          <tr>
            <th scope="col">It asks for</th>
            <th scope="col">Beyond the installed version</th>
            <th scope="col">Grant</th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.text}>
              <td data-name="It asks for" className="mono wraps">{one.text}</td>
              <td data-name="Beyond the installed version">
                {one.isMore ? <span className="wait">yes</span> : <span className="quiet">–</span>}
              </td>
              <td data-name="Grant">
                {one.isUngranted ? (
                  <span className="wait">not granted yet</span>
                ) : (
                  <span className="quiet">needs nothing more</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function OfferFacts({ offer }: { offer: PluginOffer }) {
  const facts: [string, string][] = [
    ['Kind', offer.world],
    ['Purpose', offer.description || 'it does not say'],
    ['Digest', offer.digest],
    ['Signed by', offer.signedBy ?? 'nobody whose key the config has'],
    ['Size', formatBytes(offer.componentBytes)],
    ['Brings along', offer.files.join(', ') || 'no further files'],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, text]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Approval(props: {
  offer: PluginOffer;
  isPending: boolean;
  onApprove: () => void;
  onLeave: () => void;
}) {
  const { offer } = props;
  return (
    <>
      <h3 className="small">
        <span className="mono">{offer.name}</span> {offer.version}
      </h3>
      <p className="small">{step(offer)}</p>
      {offer.refused !== null && (
        <Alert color="red" variant="light" title="It may not be installed" role="alert">
          <span className="wraps">{offer.refused}</span>
        </Alert>
      )}
      <OfferFacts offer={offer} />
      <Capabilities offer={offer} />
      {offer.paste !== '' && (
        <>
          <p className="small">
            What is not granted it cannot reach; where the config grants it something, a version that asks
            for more waits in the folder until that is granted as well. To grant it:
          </p>
          <pre className="code">{offer.paste}</pre>
        </>
      )}
      <Group gap="xs">
        {offer.approve !== null && (
          <Button size="xs" loading={props.isPending} onClick={props.onApprove}>
            Approve, and install {offer.name} {offer.version}
          </Button>
        )}
        <Button variant="default" size="xs" onClick={props.onLeave}>
          Leave it
        </Button>
      </Group>
    </>
  );
}

/** What became of an installation. */
function Done({ offer }: { offer: PluginOffer }) {
  const { plugin } = offer;
  const isAtWork = plugin?.version === offer.version && plugin.lastError === null;
  return (
    <p role="status" className={isAtWork ? 'good' : 'wait'}>
      {offer.name} {offer.version} is installed
      {isAtWork ? ' and loaded.' : `; it is ${plugin?.state.replace('_', ' ') ?? 'not known yet'}.`}
      {!isAtWork && plugin?.lastError && <span className="wraps"> {plugin.lastError}</span>}
    </p>
  );
}

/** The plugins of the registry's index, to choose from. */
function Available({ plugins, onChoose }: { plugins: AvailablePlugin[]; onChoose: (name: string) => void }) {
  if (plugins.length === 0) return null;
  return (
    <div className="wide">
      <table className="folds">
        <thead>
          <tr>
            <th scope="col">In the registry</th>
            <th scope="col">Newest version</th>
            <th scope="col">Purpose</th>
          </tr>
        </thead>
        <tbody>
          {plugins.slice(0, AVAILABLE_MAX).map((plugin) => (
            <tr key={plugin.name}>
              <td data-name="In the registry">
                <Button variant="default" size="compact-xs" onClick={() => onChoose(plugin.name)}>
                  Look at {plugin.name}
                </Button>
              </td>
              <td data-name="Newest version" className="mono wraps">{plugin.versions[0] ?? ''}</td>
              <td data-name="Purpose" className="wraps">{plugin.description}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function InstallPlugin() {
  const client = useQueryClient();
  const [isOpen, setIsOpen] = useState(false);
  // Without an index, or where it cannot be read, a name can still be written.
  const available = useQuery({
    queryKey: ['plugins-available'],
    queryFn: async ({ signal }) =>
      (await get<AvailablePlugin[]>('plugins/available', {}, signal)).data,
    enabled: isOpen,
  });
  const [reference, setReference] = useState('');
  const [offer, setOffer] = useState<PluginOffer | null>(null);
  const [done, setDone] = useState<PluginOffer | null>(null);
  const look = useMutation({
    mutationFn: async (of: string) =>
      (await post<PluginOffer>('plugins/install', { reference: of })).data,
    onMutate: () => {
      setOffer(null);
      setDone(null);
    },
    onSuccess: setOffer,
  });
  const install = useMutation({
    // By digest: what was seen is what comes.
    mutationFn: async (of: PluginOffer) => {
      const params = { reference: `${of.name}@${of.digest}`, approve: of.approve ?? '' };
      return (await post<PluginOffer>('plugins/install', params)).data;
    },
    onSuccess: async (installed) => {
      setOffer(null);
      setDone(installed);
      await Promise.all([
        client.invalidateQueries({ queryKey: ['plugins'] }),
        client.invalidateQueries({ queryKey: ['plugin', installed.name] }),
      ]);
    },
  });
  return (
    <details className="card" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        <h2 className="small">Install a plugin</h2> <span className="quiet small">from the registry of the config</span>
      </summary>
      <Stack gap="sm" mt="sm">
        <form
          className="tools"
          onSubmit={(event) => {
            event.preventDefault();
            install.reset();
            look.mutate(reference.trim());
          }}
        >
          <TextInput
            className="grows"
            size="sm"
            label="Plugin: a name, with :TAG or @sha256:… where it is not the newest version"
            value={reference}
            onChange={(event) => setReference(event.currentTarget.value)}
          />
          <Button
            type="submit"
            size="sm"
            variant="default"
            loading={look.isPending}
            disabled={reference.trim() === ''}
          >
            Look at it
          </Button>
        </form>
        {available.isLoading && <Loading text="The registry's index is read" />}
        {available.error !== null && (
          <Group gap="xs" align="flex-start">
            <div className="grows">
              <Failure error={available.error} />
            </div>
            <Button
              size="xs"
              variant="default"
              loading={available.isFetching}
              onClick={() => void available.refetch()}
            >
              Read the index again
            </Button>
          </Group>
        )}
        {offer === null && (
          <Available
            plugins={available.data ?? []}
            onChoose={(name) => {
              setReference(name);
              install.reset();
              look.mutate(name);
            }}
          />
        )}
        {look.error !== null && <Failure error={look.error} />}
        {install.error !== null && <Failure error={install.error} />}
        {offer !== null && (
          <Approval
            offer={offer}
            isPending={install.isPending}
            onApprove={() => install.mutate(offer)}
            onLeave={() => setOffer(null)}
          />
        )}
        {done !== null && <Done offer={done} />}
      </Stack>
    </details>
  );
}
