// Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const notAllowed = 3

type object map[string]any

type client struct {
	kafka      *kgo.Client
	commitMode string
	records    int
}

var out = json.NewEncoder(os.Stdout)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	c := &client{commitMode: env("COMMIT", "each")}
	kafka, err := kgo.NewClient(c.options()...)
	if err != nil {
		panic(err)
	}
	c.kafka = kafka
	status := c.run(ctx)
	c.commit(context.Background())
	kafka.AllowRebalance()
	kafka.Close() // leaves the group
	_ = out.Encode(object{"event": "end", "records": c.records})
	os.Exit(status)
}

func (c *client) options() []kgo.Opt {
	topics := strings.Split(env("PROBE", env("TOPICS", "")), ",")
	isolation := kgo.ReadCommitted()
	if env("ISOLATION", "") == "read_uncommitted" {
		isolation = kgo.ReadUncommitted()
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(env("BOOTSTRAP", ""), ",")...),
		kgo.DialTLSConfig(tlsConfig()),
		kgo.ConsumerGroup(env("GROUP", "")),
		kgo.Rack(env("RACK", "")),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.SessionTimeout(10 * time.Second),
		kgo.HeartbeatInterval(time.Second),
		// No partition is given up between a poll and its commit.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { printPartitions("assigned", p) }),
		// With this callback set, franz-go does not commit by itself before it gives partitions up.
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) {
			c.commit(ctx)
			printPartitions("revoked", p)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { printPartitions("revoked", p) }),
	}
	if c.commitMode == "auto" {
		return append(options, kgo.AutoCommitInterval(time.Second))
	}
	return append(options, kgo.DisableAutoCommit())
}

func tlsConfig() *tls.Config {
	ca, err := os.ReadFile(env("CA", ""))
	if err != nil {
		panic(err)
	}
	pair, err := tls.LoadX509KeyPair(env("CERT", ""), env("KEY", ""))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
}

func (c *client) run(ctx context.Context) int {
	seconds := number("RUN_SECONDS")
	if env("PROBE", "") != "" {
		seconds = 20
	}
	start := time.Now()
	lastRecord, maxRecords, idleMs := start, number("MAX_RECORDS"), number("UNTIL_IDLE_MS")
	for ctx.Err() == nil && c.records < maxRecords {
		if time.Since(start) > time.Duration(seconds)*time.Second ||
			time.Since(lastRecord) > time.Duration(idleMs)*time.Millisecond {
			break
		}
		poll, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		fetches := c.kafka.PollRecords(poll, 500)
		cancel()
		for _, failed := range fetches.Errors() {
			if refused(failed.Err) {
				return notAllowed
			}
		}
		fetches.EachRecord(func(r *kgo.Record) {
			c.printRecord(r)
			lastRecord = time.Now()
		})
		if c.commitMode == "each" {
			c.commit(context.Background())
		}
		c.kafka.AllowRebalance()
	}
	return 0
}

// commit commits what was printed. Network trouble or a rebalance leaves it for the next time.
func (c *client) commit(ctx context.Context) {
	offsets := c.kafka.UncommittedOffsets()
	if len(offsets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := c.kafka.CommitUncommittedOffsets(ctx); err != nil {
		refused(err)
		return
	}
	committed := [][]any{}
	for topic, partitions := range offsets {
		for id, o := range partitions {
			committed = append(committed, []any{topic, id, o.Offset})
		}
	}
	_ = out.Encode(object{"event": "committed", "offsets": committed})
}

func (c *client) printRecord(r *kgo.Record) {
	headers := [][]any{}
	for _, h := range r.Headers {
		headers = append(headers, []any{h.Key, h.Value}) // encoding/json writes []byte as base64, and nil as null
	}
	_ = out.Encode(object{"event": "record", "topic": r.Topic, "partition": r.Partition, "offset": r.Offset,
		"timestamp": r.Timestamp.UnixMilli(), "key": r.Key, "value": r.Value, "headers": headers})
	c.records++
}

func printPartitions(event string, byTopic map[string][]int32) {
	partitions := [][]any{}
	for topic, ids := range byTopic {
		for _, id := range ids {
			partitions = append(partitions, []any{topic, id})
		}
	}
	_ = out.Encode(object{"event": event, "partitions": partitions})
}

// refused prints an error and tells if it is one of authorization, which no retry mends.
func refused(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false // the poll ended
	}
	var code any
	class := "error"
	if e := new(kerr.Error); errors.As(err, &e) {
		code, class = e.Code, e.Message
	}
	_ = out.Encode(object{"event": "error", "class": class, "code": code, "message": err.Error()})
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed)
}

func number(name string) int {
	n, err := strconv.Atoi(env(name, "1000000000"))
	if err != nil {
		panic(name + ": " + err.Error())
	}
	return n
}

func env(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}
