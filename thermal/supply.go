package thermal

import "math"

// supply is which power a share draws: idle + share · dynamic, in W.
type supply struct {
	idle, dynamic float64
	least, most   float64 // by the profile

	share float64 // about which it has been for so long, s
	held  float64
}

func newSupply(least, most float64) supply {
	return supply{idle: least, dynamic: most - least, least: least, most: most}
}

// How fast it follows what is drawn, by how much more than it should allow a budget that
// does not bind must draw to count, and how far it may be from the profile.
const (
	supplyTime  = 3.0 // s
	supplyOver  = 1.03
	supplyWrong = 3.0
	supplyHeld  = 0.5 // s that a share must be in force: clocks and measurements lag
	supplyMove  = 0.1 // of the share, that is another one
)

// learn follows what a share drew in a step of dt seconds, where the budget binds, and where
// more is drawn than it should allow. It moves both values by how uncertain the profile is of
// each, along what the share tells of them (normalised least mean squares: Haykin, Adaptive
// Filter Theory, section 6.1): under a share that stays the same their sum is
// found and nothing is made up of the rest.
func (s *supply) learn(share, drawn, dt float64, binds bool) {
	if s.held += dt; math.Abs(share-s.share) > supplyMove {
		s.share, s.held = share, 0
	}
	if s.held < supplyHeld {
		return
	}
	off := drawn - (s.idle + share*s.dynamic)
	if !binds && drawn <= supplyOver*(s.idle+share*s.dynamic) {
		return
	}
	span := s.most - s.least
	ofIdle, ofDynamic := s.least*s.least, span*span*share
	gain := min(1, dt/supplyTime) * off / (ofIdle + ofDynamic*share + 0.01*s.most*s.most)
	s.idle = bound(s.idle+gain*ofIdle, 0, s.most)
	s.dynamic = bound(s.dynamic+gain*ofDynamic, span/supplyWrong, span*supplyWrong)
}
