// The size of a drawing.
import type uPlot from 'uplot';

/**
 * Gives a drawing another size. Who watches a place is told its first size, too, which the drawing was
 * made with: then nothing is drawn a second time.
 */
export function resize(plot: uPlot, size: { width: number; height: number }): void {
  if (plot.width !== size.width || plot.height !== size.height) plot.setSize(size);
}
