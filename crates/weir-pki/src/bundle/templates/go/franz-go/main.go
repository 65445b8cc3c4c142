// Reads topics as {{ principal }} with franz-go, and prints a line for each record: topic, partition, offset, value.
//
//	go run .
//
// Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
// KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh and env-inline.sh have.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// All that you may read by name; keep what you need.
var topics = []string{
{% for topic in topics %}
	"{{ topic }}",
{% endfor %}
}

var group = env("KAFKA_GROUP_ID", "{{ group_id }}-franz-go")

// process is your work. When it is done, the record counts as read; a crash before that brings the record again.
func process(r *kgo.Record) error {
	value := string(r.Value)
	if r.Value == nil {
		value = "null"
	}
	_, err := fmt.Println(r.Topic, r.Partition, r.Offset, value)
	return err
}

// isCanary tells test events, which show every hour that a stream is alive and are no data.
func isCanary(value []byte) bool {
	var event struct {
		Meta struct{ Domain string }
	}
	return json.Unmarshal(value, &event) == nil && event.Meta.Domain == "canary"
}

func main() {
	// When whoever reads the output has seen enough, writing fails, and the group is left in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := read(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(ctx context.Context) error {
	ctx, refuse := context.WithCancelCause(ctx)
	options, err := options(refuse)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance() // commits, and leaves the group
	fmt.Fprintf(os.Stderr, "reading %d topics as group %s\n", len(topics), group)
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 1000)
		fetches.EachError(func(topic string, _ int32, err error) { explain(topic, err, refuse) })
		for _, r := range fetches.Records() {
			if !isCanary(r.Value) {
				if err := process(r); err != nil {
					return err
				}
			}
			client.MarkCommitRecords(r)
		}
		client.AllowRebalance()
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// commit commits what was marked, before its partitions go to another member.
func commit(ctx context.Context, client *kgo.Client, _ map[string][]int32) {
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "goes on after a commit that failed:", err)
	}
}

// explain ends the program with a sentence where a retry mends nothing; else it says what happened.
func explain(topic string, err error, refuse context.CancelCauseFunc) {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled): // the poll ended
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		refuse(fmt.Errorf("A topic is refused: %s is not among those of README.md, or the operator has suspended it. (%w)",
			topic, err))
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		refuse(fmt.Errorf("Group %s is refused: README.md says how its name must begin, if at all, "+
			"and how many groups you may have. (%w)", group, err))
	case strings.Contains(err.Error(), "no prior committed offset"), errors.Is(err, kerr.OffsetOutOfRange):
		refuse(fmt.Errorf("Group %s has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. (%w)",
			group, err))
	case strings.Contains(err.Error(), "tls: "):
		refuse(fmt.Errorf("TLS is refused: your certificate has expired, is revoked or suspended, "+
			"or {{ ca }} is not the server's CA. (%w)", err))
	default:
		fmt.Fprintln(os.Stderr, "goes on after:", err)
	}
}

// connections sees why a connection does not come about: franz-go itself only tries again.
type connections struct{ refuse context.CancelCauseFunc }

func (c connections) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		explain("", err, c.refuse)
	}
}

func options(refuse context.CancelCauseFunc) ([]kgo.Opt, error) {
	config, err := tlsConfig()
	if err != nil {
		return nil, err
	}
	if chosen := env("KAFKA_TOPICS", ""); chosen != "" {
		topics = strings.Split(chosen, ",")
	}
	return []kgo.Opt{
		kgo.SeedBrokers(strings.Split(env("KAFKA_BOOTSTRAP_SERVERS", "{{ bootstrap }}"), ",")...),
		// TCP keep-alive, for NATs that forget quiet connections and tell nobody, is on in Go.
		kgo.DialTLSConfig(config),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topics...),
		// Where a group without offsets begins, and one whose offset is not there any more.
		kgo.ConsumeResetOffset(offsetReset(env("KAFKA_AUTO_OFFSET_RESET", "{{ offset_reset }}"))),
		// Records of aborted transactions are no events; franz-go would show them.
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// franz-go commits every five seconds and at the end (commits are limited, so not for each record), and no more
		// than was marked: what was processed. No partition is given up between a poll and its marks.
		kgo.AutoCommitMarks(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsRevoked(commit),
		kgo.WithHooks(connections{refuse}),
		// kgo.Rack stays unset: it is for readers inside the data centre.
	}, nil
}

func offsetReset(name string) kgo.Offset {
	switch name {
	case "earliest":
		return kgo.NewOffset().AtStart()
	case "latest":
		return kgo.NewOffset().AtEnd()
	}
	return kgo.NewOffset().AtCommitted()
}

func tlsConfig() (*tls.Config, error) {
	ca, err := pem("KAFKA_SSL_CA", "{{ ca }}")
	if err != nil {
		return nil, err
	}
	certificate, err := pem("KAFKA_SSL_CERTIFICATE", "{{ certificate }}")
	if err != nil {
		return nil, err
	}
	key, err := pem("KAFKA_SSL_KEY", "{{ key }}")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}, nil
}

// pem gives the text in VARIABLE_PEM, or the file that VARIABLE_LOCATION names, or this bundle's.
func pem(variable, file string) ([]byte, error) {
	if text := env(variable+"_PEM", ""); text != "" {
		return []byte(text), nil
	}
	_, source, _, _ := runtime.Caller(0)
	return os.ReadFile(env(variable+"_LOCATION", filepath.Join(filepath.Dir(source), "..", "..", file)))
}

func env(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}
