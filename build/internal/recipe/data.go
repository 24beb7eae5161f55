package recipe

import (
	"slices"

	"atoll/build/internal/pins"
)

// pictures of scikit-image that are everyday photographs: the astronaut alone shows a face.
var pictures = []string{
	"astronaut.png", "brick.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
	"hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "page.png", "rocket.jpg",
}

// Data makes the folder of pictures, speech and sentences for the demo and the tests:
//
//	pictures/                            photographs
//	lfw_subset.npy                       100 faces, then 100 other crops, 25x25 grey
//	speech/librivox/, speech/cards/      16 kHz mono WAV
//	sentiment/{imdb,amazon,yelp}.json    labelled sentences
//	silero_vad_v5.onnx                   the network that the audio model is converted from
func Data(set pins.Set) (Recipe, error) {
	const (
		skimage   = "$WORK/skimage/usr/lib/python3/dist-packages/skimage/data/"
		sphinx    = "$WORK/sphinx/usr/share/pocketsphinx/test/data/"
		sentiment = "$WORK/sentiment/test/fixtures/"
	)
	r := Recipe{Name: "data"}
	for _, p := range []struct {
		kind       pins.Kind
		name, into string
	}{
		{pins.Deb, "python3-skimage", "skimage"},
		{pins.Deb, "pocketsphinx-testdata", "sphinx"},
		{pins.NPM, "sentiment", "sentiment"},
		{pins.NPM, "@ricky0123/vad-web", "vad"},
	} {
		pin, err := set.Find(p.kind, p.name, "")
		if err != nil {
			return Recipe{}, err
		}
		r.Steps = append(r.Steps, Unpack{Pin: pin, Into: "$WORK/" + p.into, Strip: 1})
	}
	paths := slices.Clone(pictures)
	for i := range paths {
		paths[i] = skimage + paths[i]
	}
	r.Steps = append(r.Steps,
		Copy{Files: paths, To: "$OUT/pictures"},
		Copy{Files: []string{skimage + "lfw_subset.npy", "$WORK/vad/dist/silero_vad_v5.onnx"}, To: "$OUT"},
		Copy{Files: []string{sphinx + "librivox/*.wav"}, To: "$OUT/speech/librivox"},
		Copy{Files: []string{sphinx + "cards/*.wav"}, To: "$OUT/speech/cards"},
		Copy{Files: []string{sentiment + "imdb.json", sentiment + "amazon.json", sentiment + "yelp.json"}, To: "$OUT/sentiment"},
	)
	return r, nil
}
