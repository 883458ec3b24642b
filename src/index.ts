/** The library by name: pure, runs anywhere. Models and engines come from `patchscopes/node`. */
export type {
  Architecture,
  ModelDefinition,
  WeightTensor,
  Weights,
} from "./engine/architecture.ts";
export type {
  Cache,
  Edge,
  Engine,
  EngineInfo,
  Pass,
  PassOutput,
  Patch,
  Precision,
  Read,
  ReadOut,
  Row,
  Tap,
} from "./engine/engine.ts";
export { createReferenceEngine } from "./engine/reference/reference-engine.ts";
export { PatchscopesError, type ErrorCode, type SpecIssue } from "./errors.ts";
export type {
  FittedMapping,
  FittedPair,
  LoadedMapping,
  MappedModel,
} from "./mapping/fitted-mapping.ts";
export { FITTED_KINDS, type FittedKind } from "./map-kinds.ts";
export type { FittedMap } from "./mapping/mapping.ts";
export { readAnyMapping } from "./mapping/foreign-mapping.ts";
export { readMapping, writeMapping } from "./mapping/mapping-file.ts";
export { readVectors, type LoadedVectors } from "./mapping/vector-file.ts";
export {
  EVIDENCE_THRESHOLD,
  EVIDENCE_TOKENS,
  evidenceByToken,
  evidenceOf,
  type EvidenceTerms,
  type TokenEvidence,
  type TokenTerms,
} from "./measure/evidence.ts";
export type { FidelityReport, Share, Summary } from "./measure/fidelity.ts";
export type { MapScores } from "./measure/map-scores.ts";
export { explain, planStatistics, type PlanStatistics } from "./plan/explain.ts";
export type { Plan } from "./plan/plan.ts";
export type { AnswerRecord, AskResult } from "./result/answer.ts";
export type { CellRecord, PatchscopeResult } from "./result/result.ts";
export { ask, type AskOptions, type AskRequest } from "./run/ask.ts";
export { askRequest, type Asked } from "./run/ask-request.ts";
export { captureStates, type CapturedStates, type CaptureRequest } from "./run/capture.ts";
export { alignedTexts, type AlignedText } from "./run/aligned-texts.ts";
export { captionTexts } from "./run/caption-texts.ts";
export { fitAcrossModels, type CrossFitRequest } from "./run/fit-cross-model.ts";
export { fitMapping, type Fit, type FitRequest } from "./run/fit-mapping.ts";
export { fitLre, type LreRequest } from "./run/fit-lre.ts";
export { subjectTexts, type SubjectText } from "./run/subject-texts.ts";
export { fitTexts, splitTexts, type FitTexts } from "./run/fit-texts.ts";
export { runMany, type RunManyOptions } from "./run/run-many.ts";
export { sampleTexts, type SampleRequest } from "./run/sample-texts.ts";
export {
  loadVectorFiles,
  planSpec,
  runSpec,
  type PlanSpecOptions,
  type ReadyModel,
  type RunModel,
  type CellStore,
  type RunSpecOptions,
} from "./run/run-spec.ts";
export type { CellOutput, ReadyCell } from "./run/run-plan.ts";
export { patchscope, sweep, type SweepOptions } from "./run/sweep.ts";
export { parseSiteName, type NamedSite } from "./site-names.ts";
export { READ_SITES, SITES, type ReadSite, type Site } from "./site.ts";
export {
  verifyPrecision,
  type VerifyProgress,
  type VerifyRequest,
} from "./run/verify-precision.ts";
export { parseSpecText } from "./spec/parse-text.ts";
export {
  PRESETS,
  presetSpec,
  type PresetName,
  type PresetRequest,
} from "./spec/presets/presets.ts";
export { presets, type PresetFunctions } from "./spec/presets/preset-functions.ts";
export { parseSpec, safeParseSpec, specJsonSchema } from "./spec/schema.ts";
export type { JsonSchema } from "./spec/json-form.ts";
export type { Question, Wording } from "./spec/questions/question.ts";
export { QUESTIONS } from "./spec/questions/questions.ts";
export type { PatchscopeSpec } from "./spec/spec.ts";
export type {
  PatchInput,
  ReadInput,
  SourceInput,
  SpecInput,
  TargetInput,
} from "./spec/spec-input.ts";
