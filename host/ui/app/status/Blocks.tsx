// The blocks of the store, the newest first.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { formatDuration } from '../format/duration';
import { formatCount } from '../format/number';
import { formatTime } from '../format/time';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { useLocalTime } from '../frame/preferences';

const BLOCKS_STEP = 50;

interface Block {
  ulid: string;
  minTime: number;
  maxTime: number;
  stats: { numSamples?: number; numSeries?: number };
  compaction: { level: number };
}

export function Blocks() {
  const [isLocal] = useLocalTime();
  const query = useQuery({
    queryKey: ['blocks'],
    queryFn: async ({ signal }) => {
      const { blocks } = (await get<{ blocks: Block[] | null }>('status/tsdb/blocks', {}, signal)).data;
      return (blocks ?? []).sort((a, b) => b.minTime - a.minTime);
    },
  });
  return (
    <section className="card">
      <h2 className="small">Blocks</h2>
      <Loaded query={query}>
        {(blocks) =>
          blocks.length === 0 ? (
            <p className="quiet">No block was written yet; all samples are in the head.</p>
          ) : (
            <More of={blocks} step={BLOCKS_STEP} name="blocks">
              {(shown) => (
                <div className="wide">
                  <table className="folds">
                    <thead>
                      <tr>
                        <th scope="col">Block</th>
                        <th scope="col">From</th>
                        <th scope="col">Length</th>
                        <th scope="col" className="number">Series</th>
                        <th scope="col" className="number">Samples</th>
                        <th scope="col" className="number">Level</th>
                      </tr>
                    </thead>
                    <tbody>
                      {shown.map((block) => (
                        <tr key={block.ulid}>
                          <td data-name="Block" className="mono">{block.ulid}</td>
                          <td data-name="From">{formatTime(block.minTime, isLocal)}</td>
                          <td data-name="Length">{formatDuration(block.maxTime - block.minTime)}</td>
                          <td data-name="Series" className="number">
                            {formatCount(block.stats.numSeries ?? 0)}
                          </td>
                          <td data-name="Samples" className="number">
                            {formatCount(block.stats.numSamples ?? 0)}
                          </td>
                          <td data-name="Level" className="number">{block.compaction.level}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </More>
          )
        }
      </Loaded>
    </section>
  );
}
