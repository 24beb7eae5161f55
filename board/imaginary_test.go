package board

import (
	"testing"
)

// tree makes a tree of the text of an archive.
func tree(t testing.TB, text string) Tree {
	t.Helper()
	a, err := parseArchive([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func read(t testing.TB, text string) *reader { return &reader{tree: tree(t, text)} }

// imaginary is a board that has one of each, and nothing wrong with it.
const imaginary = `
-- proc/device-tree/model (quoted) --
"Imaginary Board\x00"
-- proc/device-tree/compatible (quoted) --
"imaginary,board\x00fsl,imx8mq\x00"
-- proc/sys/kernel/osrelease --
6.12.95
-- proc/cpuinfo --
processor	: 0
Features	: fp asimd asimddp
CPU implementer	: 0x41
CPU architecture: 8
CPU part	: 0xd03

processor	: 1
Features	: fp asimd
CPU implementer	: 0x41
CPU architecture: 8
CPU part	: 0xd08

Serial		: 10000000deadbeef
-- proc/meminfo --
MemTotal:        1000000 kB
MemAvailable:     800000 kB
SwapTotal:             0 kB
SwapFree:              0 kB
-- sys/devices/system/cpu/online --
0-1
-- sys/devices/system/cpu/cpu0/cpu_capacity --
500
-- sys/devices/system/cpu/cpu1/cpu_capacity --
1024
-- sys/devices/system/cpu/cpu0/cache/index0/level --
1
-- sys/devices/system/cpu/cpu0/cache/index0/type --
Data
-- sys/devices/system/cpu/cpu0/cache/index0/size --
32K
-- sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_list --
0
-- sys/devices/system/cpu/cpufreq/policy0/related_cpus --
0 1
-- sys/devices/system/cpu/cpufreq/policy0/scaling_driver --
cpufreq-dt
-- sys/devices/system/cpu/cpufreq/policy0/scaling_governor --
schedutil
-- sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors --
performance schedutil
-- sys/devices/system/cpu/cpufreq/policy0/scaling_available_frequencies --
1000000 1500000 500000 
-- sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq --
1000000
-- sys/devices/system/cpu/cpufreq/policy0/cpuinfo_min_freq --
500000
-- sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq --
1500000
-- sys/class/thermal/thermal_zone0/type --
cpu-thermal
-- sys/class/thermal/thermal_zone0/temp --
54321
-- sys/class/thermal/thermal_zone0/policy --
step_wise
-- sys/class/thermal/thermal_zone0/mode --
enabled
-- sys/class/thermal/thermal_zone0/trip_point_0_type --
passive
-- sys/class/thermal/thermal_zone0/trip_point_0_temp --
80000
-- sys/class/thermal/thermal_zone0/trip_point_0_hyst --
2000
-- sys/class/thermal/cooling_device0/type --
gpio_fan
-- sys/class/thermal/cooling_device0/max_state --
1
-- sys/class/thermal/cooling_device0/cur_state --
0
-- sys/class/hwmon/hwmon0 -> ../../devices/platform/soc/i2c-0/0-0040/hwmon/hwmon0 --
-- sys/devices/platform/soc/i2c-0/0-0040/hwmon/hwmon0/name --
ina226
-- sys/class/hwmon/hwmon0/power1_input --
2500000
-- sys/class/hwmon/hwmon0/power1_label --
VDD_IN
-- sys/class/hwmon/hwmon0/curr1_input --
500
-- sys/class/hwmon/hwmon0/in1_input --
5000
-- sys/class/hwmon/hwmon0/fan1_input --
3200
-- sys/class/hwmon/hwmon0/pwm1 --
128
-- sys/class/hwmon/hwmon0/device -> ../../../0-0040 --
-- sys/bus/i2c/devices/i2c-0/name --
30a20000.i2c
-- sys/bus/i2c/devices/0-0040/name --
ina226
-- sys/bus/i2c/devices/0-0040/driver -> ../../../../bus/i2c/drivers/ina2xx --
-- dev/i2c-0 (node rw) --
-- sys/class/video4linux/video0/name --
Imaginary Camera
-- sys/class/video4linux/video0/index --
0
-- sys/class/video4linux/video0/device/driver -> ../../../bus/usb/drivers/uvcvideo --
-- dev/video0 (node rw) --
-- proc/asound/cards --
 0 [Mic            ]: USB-Audio - Imaginary Mic
                      Imaginary Mic at usb-1
-- proc/asound/pcm --
00-00: USB Audio : USB Audio : capture 1
-- dev/snd/pcmC0D0c (node rw) --
-- sys/class/watchdog/watchdog0/identity --
imx2+ watchdog
-- sys/class/watchdog/watchdog0/timeout --
60
-- sys/class/watchdog/watchdog0/state --
inactive
-- dev/watchdog0 (node rw) --
-- sys/fs/cgroup/cgroup.controllers --
cpuset cpu io memory pids
-- proc/self/cgroup --
0::/system.slice/atoll.service
-- sys/fs/cgroup/system.slice/atoll.service/cgroup.controllers --
cpu memory
-- sys/fs/cgroup/system.slice/atoll.service/cgroup.procs --
-- sys/fs/cgroup/system.slice/atoll.service/cgroup.subtree_control --
-- sys/fs/cgroup/system.slice/atoll.service/memory.max --
536870912
-- sys/kernel/btf/vmlinux --
-- sys/bus/pci/devices/0000:01:00.0/vendor --
0x1ac1
-- sys/bus/pci/devices/0000:01:00.0/device --
0x089a
-- sys/bus/pci/devices/0000:01:00.0/driver -> ../../../bus/pci/drivers/apex --
-- sys/class/apex/apex_0/device -> ../../../0000:01:00.0 --
-- sys/class/apex/apex_0/temp --
54300
-- sys/class/apex/apex_0/status --
ALIVE
-- sys/class/apex/apex_0/trip_point0_temp --
85000
-- sys/class/apex/apex_0/trip_point1_temp --
90000
-- sys/class/apex/apex_0/trip_point2_temp --
95000
-- dev/apex_0 (node rw) --
-- sys/bus/usb/devices/2-1/idVendor --
18d1
-- sys/bus/usb/devices/2-1/idProduct --
9302
-- sys/bus/usb/devices/2-1/speed --
5000
-- sys/bus/usb/devices/2-1/busnum --
2
-- sys/bus/usb/devices/2-1/devnum --
3
-- dev/bus/usb/002/003 (node rw) --
-- sys/class/powercap/intel-rapl:0/name --
package-0
-- sys/class/powercap/intel-rapl:0/energy_uj --
123456
`

// broken is a board on which nothing can be used.
const broken = `
-- sys/class/dmi/id/sys_vendor --
Imaginary
-- sys/class/dmi/id/product_name --
Broken PC
-- proc/sys/kernel/osrelease --
5.10.0
-- proc/cpuinfo --
processor	: 0
vendor_id	: GenuineIntel
model name	: Imaginary CPU
flags		: avx2 fma f16c
-- proc/meminfo (error EACCES) --
-- sys/devices/system/cpu/cpufreq/policy0/affected_cpus --
0
-- sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq (read-only) --
1000000
-- sys/class/thermal/thermal_zone0/type --
cpu-thermal
-- sys/class/thermal/thermal_zone0/temp (error EAGAIN) --
-- sys/class/thermal/thermal_zone1/type --
board-thermal
-- sys/class/thermal/thermal_zone1/temp --
-89000
-- sys/class/thermal/thermal_zone2/type --
wifi
-- sys/class/thermal/thermal_zone2/mode --
disabled
-- sys/class/thermal/thermal_zone2/temp (error EINVAL) --
-- sys/class/hwmon/hwmon0/name --
lm75
-- sys/class/hwmon/hwmon0/temp1_input (error EIO) --
-- sys/bus/i2c/devices/i2c-1/name --
bcm2835
-- sys/class/video4linux/video0/name --
Webcam
-- sys/class/video4linux/video0/index --
0
-- dev/video0 (node none) --
-- proc/asound/pcm --
01-00: USB Audio : USB Audio : capture 1
-- dev/snd/pcmC1D0c (node none) --
-- sys/class/watchdog/watchdog0/identity --
iTCO_wdt
-- sys/class/watchdog/watchdog0/state --
active
-- dev/watchdog0 (node rw) --
-- sys/class/watchdog/watchdog1/identity --
other
-- dev/watchdog1 (node none) --
-- sys/fs/cgroup/cgroup.controllers --
cpu io memory pids
-- proc/self/cgroup --
0::/user.slice/session
-- sys/fs/cgroup/user.slice/session/cgroup.procs (read-only) --
-- sys/bus/pci/devices/0000:01:00.0/vendor --
0x1ac1
-- sys/bus/pci/devices/0000:01:00.0/device --
0x089a
-- sys/bus/pci/devices/0000:02:00.0/vendor --
0x1ac1
-- sys/bus/pci/devices/0000:02:00.0/device --
0x089a
-- sys/bus/pci/devices/0000:02:00.0/driver -> ../../../bus/pci/drivers/apex --
-- sys/class/apex/apex_0/device -> ../../../0000:02:00.0 --
-- sys/class/apex/apex_0/temp --
54300
-- dev/apex_0 (node none) --
-- sys/bus/usb/devices/1-1/idVendor --
1a6e
-- sys/bus/usb/devices/1-1/idProduct --
089a
-- sys/bus/usb/devices/1-1/speed --
480
-- sys/bus/usb/devices/1-1/busnum --
1
-- sys/bus/usb/devices/1-1/devnum --
4
-- dev/bus/usb/001/004 (node rw) --
-- sys/class/powercap/intel-rapl:0/name --
package-0
-- sys/class/powercap/intel-rapl:0/energy_uj (error EACCES) --
-- sys/class/power_supply/BAT0/type --
Battery
-- sys/class/power_supply/BAT0/current_now --
1000000
-- sys/class/power_supply/BAT0/voltage_now --
12000000
-- sys/class/power_supply/AC/type --
Mains
`
