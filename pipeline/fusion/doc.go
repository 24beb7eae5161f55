// Package fusion joins the evidence of all modalities into events: late fusion in log-odds.
//
// # From a probability to log-odds
//
// A model's probability p becomes calibrated log-odds by Platt scaling (J. Platt, "Probabilistic outputs for support
// vector machines", 1999): l = scale·logit(p) + offset, bounded to ±limit. Positive log-odds speak for the cue, negative
// ones against it, and 0 says "don't know".
//
// # Over time
//
// Every source of a cue has its own estimate, which fades with its age: L(t) = L·exp(-Δt/decay). After stale it is
// absent. A new observation combines with the faded estimate in one of two ways:
//
//   - average, for correlated observations (audio frames, pictures): L ← a·L + (1-a)·l with a = exp(-Δt/window), but at
//     least 1/2, so that however slow the source is, one observation never outvotes all that came before.
//   - sum, for independent observations (sentences): L ← L + l, bounded to ±total. This is naive Bayes with forgetting;
//     with the bound it is the cumulative sum of E. Page, "Continuous inspection schemes", 1954, for both directions.
//
// # Over sources
//
// A source has a reliability r in [0, 1], which falls with every failed job and recovers with every observation. Of all
// sources of a cue the one with the largest |r·L| counts alone: sources of one cue watch the same scene, so their errors
// are correlated, and adding them would count the same error twice.
//
// # Events
//
// A rule adds its cues: z = bias + Σ weight·r·L, and P = 1/(1+exp(-z)). The event goes on when P ≥ on has held for
// dwell_on and off when P ≤ off has held for dwell_off. Either must still hold at the instant at which its dwell ends:
// evidence that goes stale just then turns nothing on. Without one of the cues it needs the event is undecided, and that
// means off. A two-sided event has a label for either side instead of "on".
//
// How often a two-sided event errs follows from its thresholds and from what the evidence holds. With sentences of which
// one in five is misread, about ten are needed to turn a mood around with fewer than one false turn in a hundred runs of
// three minutes (A. Wald, "Sequential Analysis", 1947); the defaults take that side of the trade.
//
// # Time
//
// What counts is the time At of the evidence, not the time at which it is handed in. Between observations the estimates
// are functions of time, so the instant of every change is computed, not sampled: how often Advance is called changes
// nothing, provided it is called at NextDeadline. Each rule keeps its own time and nothing ever waits for a source: a late
// or missing one delays no other, and events whose rules do not use it stay the same to the last bit. Evidence
// ahead of now counts as of now. Evidence behind the last of the same source and cue is ignored: sources deliver in
// order, so disorder is a fault of theirs, and an estimate cannot be rewound. Both are counted.
//
// Evidence of several cues or sources with the same At that is handed in before one Advance counts at one instant, in
// whatever order it comes. Observations of one cue by one source are in the order of that source, even with the same At:
// a sum adds them all, an average, in which an observation weighs by the time since the last, stays with the first.
//
// # JSON
//
// An Event marshals as one object; times are nanoseconds of the monotonic clock of the run, evidence is never null:
//
//	{"name":"presence","state":"on","p":0.9,"at_ns":1100000000,"since_ns":1000000000,
//	 "evidence":[{"modality":"vision","source":"cam0","cue":"face","p":0.93,"log_odds":2.2,"weight":1,"age_ns":100000000}]}
//
// The sum of weight·log_odds over the evidence plus the rule's bias is the log-odds of p.
package fusion
