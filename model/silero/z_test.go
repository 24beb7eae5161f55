package silero
import ("testing";"os";"atoll/model";"fmt";"os/exec";"strings";"encoding/json";"encoding/binary";"path/filepath";"math";"time")
func TestZ(t *testing.T){
 var ref map[string][]float64; b,_:=os.ReadFile("/work/shared/reference/silero_v5.json"); json.Unmarshal(b,&ref)
 o,_:=exec.Command("find","/tmp/fetch/wav","-name","*.wav").Output()
 for _,p:=range []Precision{F32,F16} {
 b,_:=os.ReadFile(fmt.Sprintf("../../models/silero_vad_%v.tflite",p)); m,err:=model.Read(b); if err!=nil{t.Fatal(err)}
 worst,n,flip:=0.0,0,0; start:=time.Now()
 for _,f:=range strings.Fields(string(o)) { want:=ref[filepath.Base(f)]; if want==nil||len(want)>62{continue}
  w,_:=os.ReadFile(f); w=w[44:]
  h,c:=make([]float64,128),make([]float64,128); ctx:=make([]float64,64)
  for i:=range want { in:=append([]float64{},ctx...); for k:=range 512 { in=append(in, float64(int16(binary.LittleEndian.Uint16(w[2*(512*i+k):])))/32768)}
   out:=interpret(t,m,in,h,c); h,c=out[1],out[2]; ctx=in[512:]; d:=math.Abs(out[0][0]-want[i]); worst=max(worst,d); n++; if (out[0][0]>=.5)!=(want[i]>=.5){flip++} }}
 t.Log(p,n,worst,flip,time.Since(start))
 }}
