// How far down a page one was: another page begins at its top, and the way back leads to the place.
// The router's own way looks once, before long lists are as high as they become.
import type { AnyRouter } from '@tanstack/react-router';

/** So many places are kept, the newest. */
const PLACES_MAX = 200;

/** So often a place is looked for while the page grows: about a second. */
const FRAMES_MAX = 60;

/** What says that somebody goes elsewhere by themselves. */
const MOVES = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const;

function settle(top: number): void {
  let frames = FRAMES_MAX;
  const stop = () => {
    frames = 0;
    for (const name of MOVES) window.removeEventListener(name, stop);
  };
  for (const name of MOVES) window.addEventListener(name, stop, { passive: true });
  const look = () => {
    if (frames === 0) return;
    window.scrollTo(0, top);
    frames -= 1;
    if (Math.abs(window.scrollY - top) < 2) stop();
    else requestAnimationFrame(look);
  };
  look();
}

export function keepPlaces(router: AnyRouter): void {
  const places = new Map<string, number>();
  const key = ({ state, href }: { state: { __TSR_key?: string }; href: string }) =>
    state.__TSR_key ?? href;
  window.history.scrollRestoration = 'manual';
  // The browser's own way is for pages that are loaded anew.
  window.addEventListener('pagehide', () => {
    window.history.scrollRestoration = 'auto';
  });
  router.subscribe('onBeforeLoad', ({ fromLocation, pathChanged }) => {
    if (fromLocation === undefined || !pathChanged) return;
    places.set(key(fromLocation), window.scrollY);
    const [oldest] = places.keys();
    if (places.size > PLACES_MAX && oldest !== undefined) places.delete(oldest);
  });
  router.subscribe('onRendered', ({ fromLocation, toLocation, pathChanged }) => {
    // What filters a page changes its address, and moves nothing.
    if (fromLocation !== undefined && pathChanged) settle(places.get(key(toLocation)) ?? 0);
  });
}
