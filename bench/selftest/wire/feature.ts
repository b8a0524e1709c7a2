/** brw parameters carry byte length and offset rather than page counts. */
export const LST_FEAT_BULK_LEN = 0x1;

/** All bits this implementation knows: selftest §5.2. */
export const LST_FEATS_MASK = LST_FEAT_BULK_LEN;

export function hasUnknownFeatures(features: number): boolean {
  return (features & ~LST_FEATS_MASK) !== 0;
}

/** A console takes the features of a reply when it knows them all and had asked for them. */
export function areFeaturesAcceptable(asked: number, replied: number): boolean {
  return !hasUnknownFeatures(replied) && (replied & ~asked) === 0;
}
