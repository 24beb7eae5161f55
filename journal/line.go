package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/rs/zerolog"
)

const (
	// timeLayout has a fixed width, so that records sort as text.
	timeLayout = "2006-01-02T15:04:05.000000000Z07:00"
	// maxLine bounds a record, its line feed included: longer ones are cut down to level and message.
	maxLine = 64 << 10
	// maxMessage bounds the message of a record that is cut down or folded.
	maxMessage = 256
)

var messageKey = []byte(`"message":"`)

// appendStamp opens a record: time, boot id, time since boot. What follows must begin with a comma or end the object.
func appendStamp(dst []byte, now time.Time, boot string, mono time.Duration) []byte {
	dst = append(dst, `{"time":"`...)
	dst = now.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, `","boot":"`...)
	dst = append(dst, boot...)
	dst = append(dst, `","mono":`...)
	return strconv.AppendInt(dst, int64(mono), 10)
}

// appendEvent adds what zerolog encoded ("{…}\n") to a stamp. A line feed inside, which only RawJSON can bring, becomes a space.
func appendEvent(dst, event []byte) []byte {
	body := event[1:]
	if body[0] != '}' {
		dst = append(dst, ',')
	}
	start := len(dst)
	dst = append(dst, body...)
	for inner := dst[start : len(dst)-1]; ; {
		i := bytes.IndexByte(inner, '\n')
		if i < 0 {
			return dst
		}
		inner[i] = ' '
	}
}

// appendLevel adds the level, where there is one.
func appendLevel(dst []byte, level zerolog.Level) []byte {
	if level == zerolog.NoLevel {
		return dst
	}
	dst = append(dst, `,"level":"`...)
	dst = append(dst, level.String()...)
	return append(dst, '"')
}

// appendInt adds a field with a whole number.
func appendInt(dst []byte, key string, v int64) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':')
	return strconv.AppendInt(dst, v, 10)
}

// appendMessage closes a record with its message, which is already escaped.
func appendMessage(dst, escaped []byte) []byte {
	dst = append(dst, `,"message":"`...)
	dst = append(dst, escaped...)
	return append(dst, '"', '}', '\n')
}

// messageOf returns the escaped message of what zerolog encoded, which is its last field, or nil.
func messageOf(event []byte) []byte {
	// Inside a string the quotes of the key would be escaped, so this finds only a key.
	i := bytes.LastIndex(event, messageKey)
	end := len(event) - len("\"}\n")
	if i < 0 || end < i+len(messageKey) {
		return nil
	}
	message := event[i+len(messageKey) : end]
	for i := 0; i < len(message); i++ {
		switch message[i] {
		case '\\':
			i++
		case '"': // the key was of a field within a field, or of one before others
			return nil
		}
	}
	return message
}

// cutEscaped shortens an escaped string to at most limit bytes, never within an escape sequence or a UTF-8 sequence.
func cutEscaped(s []byte, limit int) []byte {
	if len(s) <= limit {
		return s
	}
	end := 0
	for i := 0; i <= limit; {
		end = i
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == 'u':
			i += len(`\u0000`)
		case s[i] == '\\':
			i += 2
		default:
			for i++; i < len(s) && s[i]&0xC0 == 0x80; i++ {
			}
		}
	}
	return s[:end]
}

// appendSeconds adds a field with a time in seconds, to the millisecond.
func appendSeconds(dst []byte, key string, d time.Duration) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':')
	return strconv.AppendFloat(dst, d.Seconds(), 'f', 3, 64)
}

// appendText adds a field with a text of any bytes, cut to maxMessage.
func appendText(dst []byte, key, text string) []byte {
	escaped, err := json.Marshal(text)
	if err != nil {
		return dst // a string cannot fail
	}
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':', '"')
	dst = append(dst, cutEscaped(escaped[1:len(escaped)-1], maxMessage)...)
	return append(dst, '"')
}
