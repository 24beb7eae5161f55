package figures

import (
	"testing"

	"atoll/internal/app"
)

func TestFaceAccuracy(t *testing.T) {
	d, s := testData(t), testSenses(t)
	for _, c := range []struct {
		variant     string
		share, must float64
	}{
		{"short", 1, 0.99},
		{"short", 0.3, 0.985},
		{"full", 0.3, 0.985},
	} {
		got, err := FaceAccuracy(d, s, app.Choice{Variant: c.variant}, c.share)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s at %.0f %%: %.3f", c.variant, 100*c.share, got)
		if got < c.must {
			t.Errorf("%s at %.0f %%: accuracy %.3f, must be %.3f", c.variant, 100*c.share, got, c.must)
		}
	}
}

func TestSentimentAccuracy(t *testing.T) {
	d, s := testData(t), testSenses(t)
	for set, must := range map[string]float64{"imdb": 0.835, "amazon": 0.77, "yelp": 0.78} {
		got, err := SentimentAccuracy(d, s, set)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.3f", set, got)
		if got < must {
			t.Errorf("%s: accuracy %.3f, must be %.3f", set, got, must)
		}
	}
}

func TestVoiceAgainstReference(t *testing.T) {
	d, s := testData(t), testSenses(t)
	for _, c := range []struct {
		variant string
		largest float64
	}{{"f32", 1e-4}, {"f16", 1}} {
		got, err := CompareVoice(d, s, app.Choice{Variant: c.variant})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %+v", c.variant, got)
		if got.Largest > c.largest {
			t.Errorf("%s: largest difference %g, must be at most %g", c.variant, got.Largest, c.largest)
		}
		if got.Changed > 0 {
			t.Errorf("%s: %d of %d decisions changed", c.variant, got.Changed, got.Frames)
		}
	}
}
