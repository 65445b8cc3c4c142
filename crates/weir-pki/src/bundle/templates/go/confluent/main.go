// Reads topics as {{ principal }} with confluent-kafka-go, and prints a line for each record: topic, partition, offset,
// value.
//
//	go run .
//
// Ctrl-C ends it; the next start goes on where this one ended. The environment may choose KAFKA_TOPICS (with commas),
// KAFKA_GROUP_ID and KAFKA_AUTO_OFFSET_RESET (earliest, latest, none), and all that env.sh and env-inline.sh have.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// All that you may read by name; keep what you need.
var topics = []string{
{% for topic in topics %}
	"{{ topic }}",
{% endfor %}
}

var group = env("KAFKA_GROUP_ID", "{{ group_id }}-go")

// process is your work. When it is done, the record counts as read; a crash before that brings the record again.
func process(m *kafka.Message) error {
	value := string(m.Value)
	if m.Value == nil {
		value = "null"
	}
	at := m.TopicPartition
	_, err := fmt.Println(*at.Topic, at.Partition, int64(at.Offset), value)
	return err
}

// isCanary tells test events, which show every hour that a stream is alive and are no data.
func isCanary(value []byte) bool {
	var event struct {
		Meta struct{ Domain string }
	}
	return json.Unmarshal(value, &event) == nil && event.Meta.Domain == "canary"
}

func settings() *kafka.ConfigMap {
	config := &kafka.ConfigMap{
		"bootstrap.servers": env("KAFKA_BOOTSTRAP_SERVERS", "{{ bootstrap }}"),
		"security.protocol": "ssl",
		"group.id":          group,
		// Where a group without offsets begins. librdkafka's own choice is latest: what is there is never read.
		"auto.offset.reset": strings.Replace(env("KAFKA_AUTO_OFFSET_RESET", "{{ offset_reset }}"), "none", "error", 1),
		// librdkafka commits every five seconds and at the end (commits are limited, so not for each record), and no more
		// than StoreMessage was told of: what was processed.
		"enable.auto.commit":       true,
		"enable.auto.offset.store": false,
		// Records of aborted transactions are no events.
		"isolation.level": "read_committed",
		// NATs and firewalls forget connections that are quiet for some minutes, and tell nobody.
		"socket.keepalive.enable": true,
		"connections.max.idle.ms": 180000,
		"log.connection.close":    false,
		// client.rack stays unset: it is for readers inside the data centre.
	}
	setPEM(config, "ssl.ca", "KAFKA_SSL_CA", "{{ ca }}")
	setPEM(config, "ssl.certificate", "KAFKA_SSL_CERTIFICATE", "{{ certificate }}")
	setPEM(config, "ssl.key", "KAFKA_SSL_KEY", "{{ key }}")
	return config
}

// setPEM sets the text in VARIABLE_PEM, or the file that VARIABLE_LOCATION names, or this bundle's.
func setPEM(config *kafka.ConfigMap, setting, variable, file string) {
	if text := env(variable+"_PEM", ""); text != "" {
		_ = config.SetKey(setting+".pem", text)
		return
	}
	_, source, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(source), "..", "..", file)
	_ = config.SetKey(setting+".location", env(variable+"_LOCATION", path))
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
	consumer, err := kafka.NewConsumer(settings())
	if err != nil {
		return fmt.Errorf("The settings or the files of the certificate are wrong: %w", err)
	}
	defer consumer.Close() // commits, and leaves the group
	if chosen := env("KAFKA_TOPICS", ""); chosen != "" {
		topics = strings.Split(chosen, ",")
	}
	if err := consumer.SubscribeTopics(topics, nil); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "reading %d topics as group %s\n", len(topics), group)
	for ctx.Err() == nil {
		switch event := consumer.Poll(1000).(type) {
		case *kafka.Message:
			err = event.TopicPartition.Error
			if err != nil {
				err = explain(err)
				break
			}
			if !isCanary(event.Value) {
				err = process(event)
			}
			if err == nil {
				_, err = consumer.StoreMessage(event)
			}
		case kafka.OffsetsCommitted:
			err = explain(event.Error)
		case kafka.Error:
			err = explain(event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// explain gives an error with a sentence where a retry mends nothing; else it says what happened.
func explain(err error) error {
	e, ok := err.(kafka.Error)
	if !ok {
		return err
	}
	text := e.Error()
	switch {
	case e.Code() == kafka.ErrTopicAuthorizationFailed:
		return fmt.Errorf("A topic is refused: it is not among those of README.md, or the operator has suspended it. (%w)",
			err)
	case e.Code() == kafka.ErrGroupAuthorizationFailed:
		return fmt.Errorf("Group %s is refused: README.md says how its name must begin, if at all, "+
			"and how many groups you may have. (%w)", group, err)
	case e.Code() == kafka.ErrAutoOffsetReset:
		return fmt.Errorf("Group %s has no offset: set KAFKA_AUTO_OFFSET_RESET to earliest or latest, once. (%w)",
			group, err)
	case strings.Contains(text, "alert") || strings.Contains(text, "certificate"):
		return fmt.Errorf("TLS is refused: your certificate has expired, is revoked or suspended, "+
			"or {{ ca }} is not the server's CA. (%w)", err)
	}
	fmt.Fprintln(os.Stderr, "goes on after:", text)
	return nil
}

func env(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}
