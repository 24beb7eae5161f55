// Package sim runs scheduling policies on generated or recorded arrivals. Scenes are
// simulated: pictures are grids and sounds are bands of energy, which the same code
// compares that compares real ones. What a job takes, and what a model sees in an input,
// is drawn from a seed, the same for all policies.
package sim
