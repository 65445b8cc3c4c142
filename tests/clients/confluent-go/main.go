// Reads topics over mutual TLS, prints each record as a line of JSON, and commits. The contract is in ../README.md.
package main

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

const notAllowed = 3

type object map[string]any

type partition struct {
	topic string
	id    int32
}

type client struct {
	consumer    *kafka.Consumer
	commitMode  string
	uncommitted map[partition]kafka.Offset
	records     int
}

var out = json.NewEncoder(os.Stdout)

func main() {
	var stopping atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stopping.Store(true)
	}()
	consumer, err := kafka.NewConsumer(settings())
	if err != nil {
		panic(err)
	}
	c := &client{consumer, env("COMMIT", "each"), map[partition]kafka.Offset{}, 0}
	status := c.run(&stopping)
	_ = consumer.Close() // leaves the group
	_ = out.Encode(object{"event": "end", "records": c.records})
	os.Exit(status)
}

func settings() *kafka.ConfigMap {
	config := &kafka.ConfigMap{
		"bootstrap.servers":        env("BOOTSTRAP", ""),
		"security.protocol":        "ssl",
		"ssl.ca.location":          env("CA", ""),
		"ssl.certificate.location": env("CERT", ""),
		"ssl.key.location":         env("KEY", ""),
		"group.id":                 env("GROUP", ""),
		"group.protocol":           env("PROTOCOL", "classic"),
		"isolation.level":          env("ISOLATION", "read_committed"),
		"auto.offset.reset":        "earliest",
		"enable.auto.commit":       env("COMMIT", "each") == "auto",
		"auto.commit.interval.ms":  1000,
		"reconnect.backoff.max.ms": 500,
		"socket.keepalive.enable":  true,
	}
	if env("PROTOCOL", "classic") == "classic" { // with the consumer protocol the broker decides
		_ = config.SetKey("session.timeout.ms", 10000)
		_ = config.SetKey("heartbeat.interval.ms", 1000)
	}
	return config
}

func (c *client) run(stopping *atomic.Bool) int {
	topics := strings.Split(env("PROBE", env("TOPICS", "")), ",")
	seconds := number("RUN_SECONDS")
	if env("PROBE", "") != "" {
		seconds = 20
	}
	if err := c.consumer.SubscribeTopics(topics, c.rebalanced); err != nil {
		panic(err)
	}
	start := time.Now()
	lastRecord, lastCommit, maxRecords, idleMs := start, start, number("MAX_RECORDS"), number("UNTIL_IDLE_MS")
	for !stopping.Load() && c.records < maxRecords {
		if time.Since(start) > time.Duration(seconds)*time.Second ||
			time.Since(lastRecord) > time.Duration(idleMs)*time.Millisecond {
			break
		}
		switch event := c.consumer.Poll(200).(type) {
		case *kafka.Message:
			if event.TopicPartition.Error != nil {
				if refused(event.TopicPartition.Error) {
					return notAllowed
				}
				continue
			}
			c.printRecord(event)
			lastRecord = time.Now()
		case kafka.Error:
			if refused(event) {
				return notAllowed
			}
		}
		if c.commitMode == "each" && time.Since(lastCommit) > 100*time.Millisecond {
			c.commit()
			lastCommit = time.Now()
		}
	}
	c.commit()
	return 0
}

func (c *client) rebalanced(_ *kafka.Consumer, event kafka.Event) error {
	switch e := event.(type) {
	case kafka.AssignedPartitions:
		printPartitions("assigned", e.Partitions)
	case kafka.RevokedPartitions:
		if !c.consumer.AssignmentLost() {
			c.commit()
		}
		for _, p := range e.Partitions {
			delete(c.uncommitted, partition{*p.Topic, p.Partition})
		}
		printPartitions("revoked", e.Partitions)
	}
	return nil
}

// commit commits what was printed. Network trouble or a rebalance leaves it for the next time.
func (c *client) commit() {
	if len(c.uncommitted) == 0 || c.commitMode == "auto" {
		return
	}
	var offsets []kafka.TopicPartition
	for p, offset := range c.uncommitted {
		offsets = append(offsets, kafka.TopicPartition{Topic: &p.topic, Partition: p.id, Offset: offset})
	}
	done, err := c.consumer.CommitOffsets(offsets)
	if err != nil {
		refused(err)
		return
	}
	good := [][]any{}
	for _, p := range done {
		if p.Error == nil {
			good = append(good, []any{*p.Topic, p.Partition, int64(p.Offset)})
			delete(c.uncommitted, partition{*p.Topic, p.Partition})
		}
	}
	_ = out.Encode(object{"event": "committed", "offsets": good})
}

func (c *client) printRecord(m *kafka.Message) {
	headers := [][]any{}
	for _, h := range m.Headers {
		headers = append(headers, []any{h.Key, h.Value}) // encoding/json writes []byte as base64, and nil as null
	}
	p := m.TopicPartition
	_ = out.Encode(object{"event": "record", "topic": *p.Topic, "partition": p.Partition, "offset": int64(p.Offset),
		"timestamp": m.Timestamp.UnixMilli(), "key": m.Key, "value": m.Value, "headers": headers})
	c.records++
	c.uncommitted[partition{*p.Topic, p.Partition}] = p.Offset + 1
}

func printPartitions(event string, list []kafka.TopicPartition) {
	partitions := [][]any{}
	for _, p := range list {
		partitions = append(partitions, []any{*p.Topic, p.Partition})
	}
	_ = out.Encode(object{"event": event, "partitions": partitions})
}

// refused prints an error and tells if it is one of authorization, which no retry mends.
func refused(err error) bool {
	e, ok := err.(kafka.Error)
	if !ok {
		_ = out.Encode(object{"event": "error", "class": "error", "code": nil, "message": err.Error()})
		return false
	}
	var code any
	if e.Code() > 0 { // negative: librdkafka's own errors
		code = int(e.Code())
	}
	_ = out.Encode(object{"event": "error", "class": e.Code().String(), "code": code, "message": e.Error()})
	switch e.Code() {
	case kafka.ErrTopicAuthorizationFailed, kafka.ErrGroupAuthorizationFailed, kafka.ErrClusterAuthorizationFailed:
		return true
	}
	return false
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
