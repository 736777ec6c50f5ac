// One native histogram: a bar for each of its buckets.
import type { NativeHistogram } from '../api/query';
import { More } from '../frame/More';
import { plainValue } from '../format/number';

/** So many buckets are drawn at first. */
const BUCKETS_STEP = 40;

function bounds([which, low, high]: [number, string, string, string]): string {
  const left = which === 1 || which === 3 ? '[' : '(';
  const right = which === 0 || which === 3 ? ']' : ')';
  return `${left}${short(low)}, ${short(high)}${right}`;
}

/** A bound has up to seventeen digits, of which nobody reads more than five. */
function short(bound: string): string {
  const value = Number(bound);
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : bound;
}

export function HistogramView({ histogram }: { histogram: NativeHistogram }) {
  const buckets = histogram.buckets ?? [];
  const most = buckets.reduce((max, [, , , count]) => Math.max(max, Math.abs(Number(count))), 0);
  return (
    <div className="histogram">
      <div className="mono">
        count {plainValue(histogram.count)}, sum {plainValue(histogram.sum)}
      </div>
      <More of={buckets} step={BUCKETS_STEP} name="buckets">
        {(shown) => (
          <table className="buckets small" aria-label="Buckets">
            <tbody>
              {shown.map((bucket) => (
                <tr key={`${bucket[0]} ${bucket[1]} ${bucket[2]}`}>
                  <th scope="row" className="mono">
                    {bounds(bucket)}
                  </th>
                  <td className="drawn">
                    <div
                      className="bar"
                      style={{ width: `${most > 0 ? (Math.abs(Number(bucket[3])) / most) * 100 : 0}%` }}
                    />
                  </td>
                  <td className="number">{plainValue(bucket[3])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </More>
    </div>
  );
}
