// Places on the earth as a sphere.

/** Degrees. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Mean radius of the earth in kilometers (IUGG), as `near` of @bk/db has it. */
const earthRadiusKm = 6371.0088;
const kmOfDegree = (Math.PI * earthRadiusKm) / 180;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** The great-circle distance in kilometers, by the haversine formula. */
export function distanceKm(a: Place, b: Place): number {
  const [from, to] = [radians(a.latitude), radians(b.latitude)];
  const byLatitude = Math.sin((to - from) / 2) ** 2;
  const byLongitude = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(byLatitude + Math.cos(from) * Math.cos(to) * byLongitude)));
}

/**
 * The middle of the square of a fixed grid that a place lies in: all places of a square become one, so that nothing that is worked
 * out of it tells where in the square somebody is.
 *
 * @param sizeKm  how wide squares are; 0 gives the place itself
 */
export function blurred({ latitude, longitude }: Place, sizeKm: number): Place {
  if (sizeKm === 0) return { latitude, longitude };
  const middle = middleOf(latitude, 90, sizeKm / kmOfDegree);
  // Circles of latitude become shorter towards the poles, and around them one square is all there is.
  const around = Math.cos(radians(middle));
  return { latitude: middle, longitude: middleOf(longitude === 180 ? -180 : longitude, 180, sizeKm / (kmOfDegree * around)) };
}

/** The middle of the step that a number lies in, of the equal steps nearest to the wanted size from `-most` to `most`. */
function middleOf(value: number, most: number, step: number): number {
  const steps = Math.max(1, Math.round((2 * most) / step));
  const at = Math.min(steps - 1, Math.floor(((value + most) / (2 * most)) * steps));
  return ((at + 0.5) / steps) * 2 * most - most;
}
