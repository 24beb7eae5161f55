package task

import (
	"math"
	"testing"

	"atoll/model"
	"atoll/models"
)

// What the manifest says of accuracy is what the held-out half of the data gives, to the
// digits that are written there.
func TestManifestSaysTheAccuracy(t *testing.T) {
	manifest, err := models.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for m := range model.Modality(model.NumModalities) {
		judge := open(t, m.String(), load(t, m, manifest.Baseline(m).Name))
		for _, v := range manifest.Variants {
			if v.Modality != m || v.Accuracy == 0 {
				continue
			}
			got, err := judge.Judge(load(t, m, v.Name))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v %s: %.4f %+v", m, v.Name, got.Accuracy, got)
			if math.Abs(got.Accuracy-v.Accuracy) > 0.0006 {
				t.Errorf("%v %s: accuracy %.4f, the manifest says %v", m, v.Name, got.Accuracy, v.Accuracy)
			}
		}
	}
}
