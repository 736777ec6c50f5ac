// A scrape of a target made now, to look at: what it says, and what would be stored of it. Nothing is.
import { Button, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { post } from '../api/client';
import type { ScrapePreview } from '../api/preview';
import type { InstantSeries } from '../api/query';
import type { ActiveTarget } from '../api/targets';
import { formatBytes, formatCount } from '../format/number';
import { seriesName } from '../format/series';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { histogramText } from '../query/histogramText';
import { summary } from './preview';

const SAMPLES_STEP = 100;

function valueText(series: InstantSeries): string {
  return series.histogram === undefined
    ? (series.value?.[1] ?? '')
    : histogramText(series.histogram[1]);
}

function Samples({ preview }: { preview: ScrapePreview }) {
  const { samples, samplesKept } = preview;
  if (samples.length === 0) return <p className="quiet small">Nothing of it would be stored.</p>;
  return (
    <>
      {samples.length < samplesKept && (
        <p className="quiet small">
          The first {formatCount(samples.length)} of {formatCount(samplesKept)}.
        </p>
      )}
      <More of={samples} step={SAMPLES_STEP} name="samples">
        {(shown) => (
          <pre className="code log" tabIndex={0} aria-label="Samples that would be stored">
            {shown.map((one) => `${seriesName(one.metric)} ${valueText(one)}`).join('\n')}
          </pre>
        )}
      </More>
    </>
  );
}

function Page({ preview }: { preview: ScrapePreview }) {
  if (preview.page === null) {
    return <p className="quiet small">What came is no text: it is protobuf, or of a plugin.</p>;
  }
  return (
    <>
      {preview.isPageCut && (
        <p className="quiet small">The beginning; the target has sent {formatBytes(preview.bytes)}.</p>
      )}
      <pre className="code log" tabIndex={0} aria-label="What the target sends">
        {preview.page}
      </pre>
    </>
  );
}

export function TargetPreview({ pool, target }: { pool: string; target: ActiveTarget }) {
  const { scrapeUrl, labels } = target;
  const query = useQuery({
    queryKey: ['target-preview', pool, scrapeUrl, labels],
    // Each look is a scrape of its own.
    staleTime: Infinity,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const params = { scrapePool: pool, scrapeUrl, labels: JSON.stringify(labels) };
      return (await post<ScrapePreview>('targets/preview', params, signal)).data;
    },
  });
  return (
    <section aria-label={`Preview of ${scrapeUrl}`}>
      <Loaded query={query}>
        {(preview) => (
          <>
            <div className="tools">
              <span className="small wraps" role="status">
                {summary(preview)}. Nothing was stored.
              </span>
              <Button
                variant="default"
                size="compact-xs"
                loading={query.isFetching}
                onClick={() => void query.refetch()}
              >
                Scrape again
              </Button>
            </div>
            {preview.error !== '' && (
              <pre className="code bad" aria-label="Error of the scrape">
                {preview.error}
              </pre>
            )}
            <Tabs defaultValue="samples" keepMounted={false}>
              <Tabs.List>
                <Tabs.Tab value="samples">Samples</Tabs.Tab>
                <Tabs.Tab value="page">Page</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="samples" pt="xs">
                <Samples preview={preview} />
              </Tabs.Panel>
              <Tabs.Panel value="page" pt="xs">
                <Page preview={preview} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </section>
  );
}
