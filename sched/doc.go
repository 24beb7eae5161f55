// Package sched decides which source is inferred next, and when. The scheduler that
// gives atoll its ways is event-driven: every source has a leaky integrate-and-fire
// neuron, which its newest input charges by how far it moved from what was last
// inferred, and by how long nothing of it was. Nothing is inferred by the clock.
// Classic policies stand behind the same interface, to compare with and to use.
//
// A policy owns no goroutine and no clock, and never sleeps: who runs one tells it
// what happened and when, asks what to begin, and when to ask again.
package sched
