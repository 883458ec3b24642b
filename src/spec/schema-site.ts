/** The schema of sites: any spelling in, one name out. A spelling with a layer in it sets the layer beside it. */
import * as z from "zod";
import { isOtherLayer, parseSiteName, type NamedSite } from "../site-names.ts";
import { isSite, SITES, type Site } from "../site.ts";
import { anyOf, otherLayer, readOnlySite, unknownSite, type Complaint } from "./errors.ts";
import { withForm } from "./json-form.ts";
import { choose, isRecord } from "./schema-parts.ts";

/** A site that states are written from or to, however it is spelled. */
export const site: z.ZodType<Site> = choose<Site>(
  anyOf(SITES),
  (value) => {
    if (typeof value !== "string") return undefined;
    const named = parseSiteName(value)?.site;
    if (named === undefined) return unknownSite(value);
    return isSite(named) ? z.unknown().transform((): Site => named) : readOnlySite(named);
  },
  [z.enum(SITES), z.string()],
);

/** A source or target in which the site's own name stands, and the layer that its spelling names. */
export function withNamedLayer<Side>(side: z.ZodType<Side>): z.ZodType<Side> {
  return withForm(z.unknown().transform(spellOut).pipe(side), { alternatives: [side] });
}

function spellOut(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const named = namedIn(value);
  if (named?.layer === undefined || isOtherLayer(named, value["layer"])) return value;
  return { ...value, site: named.site, layer: value["layer"] ?? named.layer };
}

/** A layer beside a site's spelling that names another one; a check for the fields of a side. */
export function layerBesideNamed(value: Readonly<Record<string, unknown>>): Complaint[] {
  const named = namedIn(value);
  return isOtherLayer(named, value["layer"])
    ? [otherLayer(String(value["site"]), named?.layer)]
    : [];
}

/** The layer of a side as it is written, or named by its site. */
export function writtenLayer(value: Readonly<Record<string, unknown>>): unknown {
  return value["layer"] ?? namedIn(value)?.layer;
}

function namedIn(value: Readonly<Record<string, unknown>>): NamedSite | undefined {
  const written = value["site"];
  return typeof written === "string" ? parseSiteName(written) : undefined;
}
