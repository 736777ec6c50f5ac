// What is drawn over and below the series of a plot: exemplars, and the times at which alerts fired.
import uPlot from 'uplot';
import { type ExemplarMark, nearestMark, type Span } from './marks';

/** Half of what an exemplar's mark is wide and high. */
const MARK_PX = 5;

/** A press so near to a mark is one of it. */
const PRESS_PX = 12;

/** How high the line at the top is that says when an alert fired. */
const FIRED_PX = 4;

function fillSpans(plot: uPlot, spans: Span[], colour: string, height: number): void {
  if (spans.length === 0) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  for (const { from, to } of spans) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
    ctx.fillRect(left, bbox.top, Math.max(2 * uPlot.pxRatio, right - left), height);
  }
  ctx.restore();
}

/** Colours the times at which alerts fired: below what is drawn, whose colours mean something. */
export function shadeSpans(plot: uPlot, spans: Span[], isDark: boolean): void {
  const colour = isDark ? 'rgba(255,120,120,0.10)' : 'rgba(224,49,49,0.08)';
  fillSpans(plot, spans, colour, plot.bbox.height);
}

/** A line at the top over the times at which alerts fired. */
export function lineSpans(plot: uPlot, spans: Span[], isDark: boolean): void {
  fillSpans(plot, spans, isDark ? '#ff9b9b' : '#b02525', FIRED_PX * uPlot.pxRatio);
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
