package board

import "strings"

// Camera is a video4linux node.
type Camera struct {
	Name    string   `json:"name"`
	Node    string   `json:"node"` // "/dev/video0"
	Driver  string   `json:"driver"`
	Capture bool     `json:"capture"` // pictures come from it, as far as sysfs tells
	Problem *Problem `json:"problem,omitempty"`
}

// notCameras are parts of names of what is a video node but no camera: codecs,
// scalers and image processors that take their pictures from memory.
var notCameras = []string{"codec", "-isp", "vpu", "vdec", "venc", "jpeg", "-dec", "-enc", "pispbe", "m2m", "mem2mem", "rga", "hevc", "-vbi"}

// cameras lists video nodes. Which of them give pictures sysfs does not say outright:
// drivers number their nodes (index), of which the first captures and the others
// are for metadata.
func (r *reader) cameras() []Camera {
	cameras := []Camera{}
	for _, name := range r.list("sys/class/video4linux", "video") {
		_, ok := index(name, "video")
		if !ok {
			continue
		}
		dir := "sys/class/video4linux/" + name + "/"
		c := Camera{Name: r.maybe(dir + "name"), Node: "/dev/" + name, Driver: r.link(dir + "device/driver")}
		first, known := r.maybeNumber(dir + "index")
		c.Capture = (!known || first == 0) && !isCodec(c.Name) && !isCodec(c.Driver)
		if c.Capture {
			c.Problem = r.nodeProblem("dev/"+name, Read|Write, groupRule("video"))
		}
		cameras = append(cameras, c)
	}
	return cameras
}

func isCodec(name string) bool {
	for _, part := range notCameras {
		if strings.Contains(strings.ToLower(name), part) {
			return true
		}
	}
	return false
}
