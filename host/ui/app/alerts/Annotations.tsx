// Annotations, as texts; one that is an address of the web is a link.
import type { Labels } from '../api/labels';
import { webAddress } from '../format/link';

export function Annotations({ annotations }: { annotations: Labels }) {
  const entries = Object.entries(annotations);
  if (entries.length === 0) return null;
  return (
    <dl className="facts notes">
      {entries.map(([name, text]) => {
        const address = webAddress(text);
        return (
          <div key={name} style={{ display: 'contents' }}>
            <dt className="wraps">{name}</dt>
            <dd className="wraps">
              {address === undefined ? (
                text
              ) : (
                <a href={address} target="_blank" rel="noopener noreferrer">
                  {text}
                </a>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
