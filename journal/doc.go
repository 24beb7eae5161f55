// Package journal keeps local logs that survive power cuts, full disks and wrong clocks.
//
// # Records
//
// A Journal gives out a zerolog.Logger. Every event becomes one line of JSON that starts with a stamp of fixed layout:
//
//	{"time":"2026-01-02T03:04:05.000000006Z","boot":"<boot id>","mono":123456789,"level":"info",…,"message":"…"}
//
// time is UTC, always nine digits of nanoseconds. boot is the kernel's boot id and mono the nanoseconds since that boot
// (CLOCK_BOOTTIME). Records are stamped in the order in which they are queued, so within a boot mono never falls from one
// line to the next and the order holds whatever the wall clock does. Do not add zerolog's Timestamp to the logger.
//
// # Files
//
// Lines are appended to journal-<sequence>.jsonl. A full file is followed by one with the next number and never renamed, so
// neither a clock step nor a crash can confuse the order. All files together stay within Options.MaxBytes: the
// oldest is removed first. While the file system has less than Options.ReserveBytes free, or less than an eighth of its
// size if that is smaller, the files together do not grow: old ones make room for new lines, and once only the current one
// is left, writing stops until there is space again.
// One process at a time writes to a folder (flock on the folder itself).
//
// # Power cuts
//
// A record is safe once fsync has returned: Options.SyncInterval after it was written at the latest, at once for level error and
// above (all records waiting share one fsync), and when Sync or Close return nil. A line counts only with its line feed. The tail a
// power cut has torn is closed with "#torn" and a line feed and not truncated: appending cannot harm what is
// before it, the evidence is kept, and the mark makes sure that the fragment is never taken for a record.
//
// # When writing fails
//
// A log call never fails and never waits for a disk or a terminal. Each sink (files, console) has its own goroutine and a bounded queue.
// A full queue refuses the new record, because the older ones tell how the trouble began; its last quarter is kept
// for level error and above. After a failed write the lines not yet on file wait in the queue and are tried again after 1 s,
// 2 s, 4 s, then every 8 s. Once writing works again a record says what is missing:
//
//	{…,"level":"warn","lost":12,"unsynced":3,"outage_s":60.1,"error":"no space left on device","dir":"/state/log","message":"log gap"}
//
// lost lines were refused or went with a removed file, unsynced ones were written but a failed fsync leaves open whether
// they are on the disk. The console shows this record too. Before, it shows a warning "log files cannot be written" when
// writing begins to fail and after each hour that it still does; when lines are missing at Close, "log closed with a gap".
//
// Whoever removes or moves away the current file or its folder takes the lines in it. Each sync, and the first write
// after one, looks whether the file is still there; if not, folder and file are made anew, and the gap record counts the
// lines that this Journal had written to the old one.
//
// # Floods
//
// Records with the same level and message are the same kind, whatever their fields. Of each kind the first Options.FoldBurst
// records of every Options.FoldInterval are written; the rest are counted, and the interval ends with one record of the
// same level and message that has their number in "folded". The kinds beyond the first 256 of one interval share one
// count, whose message is "other messages". So put what varies into fields, not into the message. Records of the
// logger that Journal.Events returns are never folded: they are the product, and their maker bounds their rate.
package journal
