// Package publish shows a run's snapshots to other processes: by a socket in its state
// folder while it goes on, by a file there once it has ended.
//
// Who connects to the socket is sent one JSON document, and the connection
// is closed. Nothing is read from it.
package publish
