// Exemplars and alerts as marks of a graph.
import { expect, it } from 'vitest';
import { ALERTS_MAX, alertMarks, EXEMPLARS_MAX, exemplarMarks, nearestMark, spans } from './marks';

it('the newest exemplars come first, and no more than can be told apart', () => {
  const exemplars = Array.from({ length: EXEMPLARS_MAX + 3 }, (_, index) => ({
    labels: { trace_id: `${index}` }, value: '0.5', timestamp: index,
  }));
  const { marks, all } = exemplarMarks([
    { seriesLabels: { a: 'b' }, exemplars },
    { seriesLabels: {}, exemplars: [{ labels: {}, value: 'NaN', timestamp: 1 }] },
  ]);
  expect([marks.length, all]).toEqual([EXEMPLARS_MAX, EXEMPLARS_MAX + 3]);
  expect(marks[0]).toEqual({
    time: EXEMPLARS_MAX + 2, value: 0.5, labels: { trace_id: '502' }, series: { a: 'b' },
  });
});

it('points that follow each other are one span', () => {
  const at = (...times: number[]) => times.map((time): [number, string] => [time, '1']);
  expect(spans(at(0, 10, 20, 50, 70, 80), 10)).toEqual([
    { from: 0, to: 20 }, { from: 50, to: 50 }, { from: 70, to: 80 },
  ]);
  expect(spans([], 10)).toEqual([]);
});

it('alerts that fired longest come first', () => {
  const alert = (name: string, ...times: number[]) => ({
    metric: { alertname: name }, values: times.map((time): [number, string] => [time, '1']),
  });
  expect(alertMarks([alert('b', 0), alert('a', 0), alert('c', 0, 10), alert('d')], 10)).toEqual([
    { name: 'c', spans: [{ from: 0, to: 10 }] },
    { name: 'a', spans: [{ from: 0, to: 0 }] },
    { name: 'b', spans: [{ from: 0, to: 0 }] },
  ]);
  const many = Array.from({ length: 30 }, (_, index) => alert(`${index}`, 0));
  expect(alertMarks(many, 10)).toHaveLength(ALERTS_MAX);
});

it('a press finds the mark that is nearest', () => {
  const marks = [{ left: 0, top: 0 }, { left: 10, top: 0 }];
  expect(nearestMark(marks, 7, 1, 8)).toBe(1);
  expect(nearestMark(marks, 30, 0, 8)).toBeUndefined();
});
