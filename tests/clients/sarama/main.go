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
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

const notAllowed = 3

type object map[string]any

// client handles one session after the other; sarama runs ConsumeClaim in a goroutine for each partition.
type client struct {
	commitMode string
	maxRecords int64
	stop       context.CancelFunc
	records    atomic.Int64
	lastRecord atomic.Int64 // milliseconds

	lock    sync.Mutex       // of what follows and of the output
	printed map[string][]any // the next offset of each partition that is not committed yet
}

var out = json.NewEncoder(os.Stdout)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	c := &client{commitMode: env("COMMIT", "each"), maxRecords: int64(number("MAX_RECORDS")), stop: stop,
		printed: map[string][]any{}}
	c.lastRecord.Store(time.Now().UnixMilli())
	go c.watchTheClock(time.Now())
	status := c.run(ctx)
	c.emit(object{"event": "end", "records": c.records.Load()})
	os.Exit(status)
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = tlsConfig()
	config.Metadata.AllowAutoTopicCreation = false
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = env("COMMIT", "each") == "auto"
	config.Consumer.Group.Session.Timeout = 10 * time.Second
	config.Consumer.Group.Heartbeat.Interval = time.Second
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	if env("ISOLATION", "") == "read_uncommitted" {
		config.Consumer.IsolationLevel = sarama.ReadUncommitted
	}
	config.Consumer.Return.Errors = true
	return config
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
	topics := strings.Split(env("PROBE", env("TOPICS", "")), ",")
	for ctx.Err() == nil {
		group, err := sarama.NewConsumerGroup(strings.Split(env("BOOTSTRAP", ""), ","), env("GROUP", ""), settings())
		if err == nil {
			go func() {
				for err := range group.Errors() {
					c.refused(err)
				}
			}()
			for ctx.Err() == nil && err == nil {
				err = group.Consume(ctx, topics, c) // one session; returns at every rebalance
			}
			_ = group.Close() // leaves the group
		}
		if err != nil && c.refused(err) {
			return notAllowed
		}
		time.Sleep(200 * time.Millisecond)
	}
	return 0
}

// Setup is called when partitions were assigned.
func (c *client) Setup(session sarama.ConsumerGroupSession) error {
	c.printPartitions("assigned", session)
	if c.commitMode == "each" {
		go c.commitOften(session)
	}
	return nil
}

// commitOften has a goroutine of its own: a commit may wait behind a long poll on the same connection, and sarama slows a
// partition down whose messages are not taken within Consumer.MaxProcessingTime.
func (c *client) commitOften(session sarama.ConsumerGroupSession) {
	due := time.NewTicker(100 * time.Millisecond)
	defer due.Stop()
	for {
		select {
		case <-due.C:
			c.commit(session)
		case <-session.Context().Done():
			return
		}
	}
}

// Cleanup is called when all goroutines of the session have ended.
func (c *client) Cleanup(session sarama.ConsumerGroupSession) error {
	c.commit(session)
	c.printPartitions("revoked", session)
	return nil
}

// ConsumeClaim reads one partition.
func (c *client) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			c.printRecord(session, message)
		case <-session.Context().Done():
			return nil
		}
	}
}

// commit commits what was printed. Sarama tells of a failure only later, in group.Errors(): what failed stays marked for
// the next time.
func (c *client) commit(session sarama.ConsumerGroupSession) {
	c.lock.Lock()
	printed := c.printed
	c.printed = map[string][]any{}
	c.lock.Unlock()
	if len(printed) == 0 || c.commitMode == "auto" {
		return
	}
	session.Commit()
	offsets := [][]any{}
	for _, p := range printed {
		offsets = append(offsets, p)
	}
	c.emit(object{"event": "committed", "offsets": offsets})
}

func (c *client) printRecord(session sarama.ConsumerGroupSession, m *sarama.ConsumerMessage) {
	headers := [][]any{}
	for _, h := range m.Headers {
		headers = append(headers, []any{string(h.Key), h.Value}) // encoding/json writes []byte as base64, and nil as null
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.records.Load() >= c.maxRecords {
		return
	}
	_ = out.Encode(object{"event": "record", "topic": m.Topic, "partition": m.Partition, "offset": m.Offset,
		"timestamp": m.Timestamp.UnixMilli(), "key": m.Key, "value": m.Value, "headers": headers})
	session.MarkMessage(m, "")
	c.printed[m.Topic+"/"+strconv.Itoa(int(m.Partition))] = []any{m.Topic, m.Partition, m.Offset + 1}
	c.lastRecord.Store(time.Now().UnixMilli())
	if c.records.Add(1) >= c.maxRecords {
		c.stop()
	}
}

func (c *client) watchTheClock(start time.Time) {
	seconds, idleMs := number("RUN_SECONDS"), number("UNTIL_IDLE_MS")
	if env("PROBE", "") != "" {
		seconds = 20
	}
	for range time.Tick(100 * time.Millisecond) {
		idle := time.Now().UnixMilli() - c.lastRecord.Load()
		if time.Since(start) > time.Duration(seconds)*time.Second || idle > int64(idleMs) {
			c.stop()
		}
	}
}

func (c *client) printPartitions(event string, session sarama.ConsumerGroupSession) {
	partitions := [][]any{}
	for topic, ids := range session.Claims() {
		for _, id := range ids {
			partitions = append(partitions, []any{topic, id})
		}
	}
	c.emit(object{"event": event, "partitions": partitions})
}

// refused prints an error and tells if it is one of authorization, which no retry mends.
func (c *client) refused(err error) bool {
	var code any
	class := "error"
	if e := sarama.KError(0); errors.As(err, &e) && e > 0 {
		code, class = int(e), "KError"
	}
	c.emit(object{"event": "error", "class": class, "code": code, "message": err.Error()})
	return errors.Is(err, sarama.ErrTopicAuthorizationFailed) || errors.Is(err, sarama.ErrGroupAuthorizationFailed) ||
		errors.Is(err, sarama.ErrClusterAuthorizationFailed)
}

func (c *client) emit(fields object) {
	c.lock.Lock()
	defer c.lock.Unlock()
	_ = out.Encode(fields)
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
