// Package sim runs scheduling policies on generated or recorded arrivals. Scenes are
// simulated: pictures are grids and sounds are bands of energy, which the same code
// compares that compares real ones, and jobs take times that were measured on real
// models. What a model sees in an input is drawn from the seed.
package sim
