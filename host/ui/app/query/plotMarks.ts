// What is drawn over and below the series of a plot: exemplars, and the times at which alerts fired.
import uPlot from 'uplot';
import { type ExemplarMark, nearestMark, type Span } from './marks';

/** Half of what an exemplar's mark is wide and high. */
const MARK_PX = 5;

/** A press so near to a mark is one of it. */
const PRESS_PX = 12;

/** How high the line at the top is that says when an alert fired. */
const FIRED_PX = 4;

/** Colours the times at which alerts fired, and draws a line above them. */
export function drawSpans(plot: uPlot, spans: Span[], isDark: boolean): void {
  if (spans.length === 0) return;
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.save();
  for (const { from, to } of spans) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
    const width = Math.max(2 * ratio, right - left);
    ctx.fillStyle = isDark ? 'rgba(255,120,120,0.10)' : 'rgba(224,49,49,0.08)';
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.fillStyle = isDark ? '#ff9b9b' : '#b02525';
    ctx.fillRect(left, bbox.top, width, FIRED_PX * ratio);
  }
  ctx.restore();
}

/** The exemplars of a plot: draws them, and says which one was pressed. */
export class ExemplarLayer {
  constructor(
    private readonly marks: ExemplarMark[],
    private readonly isDark: boolean,
    private readonly how: {
      /** How far below the top of the plot a mark's value lies, in pixels of the page. */
      top: (plot: uPlot, mark: ExemplarMark) => number;
      onPress: (index: number) => void;
    },
  ) {}

  /** Where the marks are, in pixels of the page; one outside of the scale lies at its edge. */
  private places(plot: uPlot): { left: number; top: number }[] {
    const height = plot.bbox.height / uPlot.pxRatio;
    return this.marks.map((mark) => ({
      left: plot.valToPos(mark.time, 'x'),
      top: Math.max(MARK_PX, Math.min(height - MARK_PX, this.how.top(plot, mark))),
    }));
  }

  draw(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    const size = MARK_PX * ratio;
    ctx.save();
    ctx.fillStyle = this.isDark ? '#ffd43b' : '#e8590c';
    ctx.strokeStyle = this.isDark ? '#1a1b1e' : '#ffffff';
    ctx.lineWidth = ratio;
    for (const { left, top } of this.places(plot)) {
      const [x, y] = [bbox.left + left * ratio, bbox.top + top * ratio];
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, y - size);
      ctx.lineTo(x + size, y);
      ctx.lineTo(x, y + size);
      ctx.lineTo(x - size, y);
      ctx.closePath();
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  listen(plot: uPlot): void {
    plot.over.addEventListener('click', (event) => {
      const box = plot.over.getBoundingClientRect();
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      const index = nearestMark(this.places(plot), left, top, PRESS_PX);
      if (index !== undefined) this.how.onPress(index);
    });
  }
}
