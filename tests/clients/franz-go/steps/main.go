// Does one step again and again, and says each time what its program would be told. The contract is in ../../README.md.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type object map[string]any

var (
	out   = json.NewEncoder(os.Stdout)
	topic = os.Getenv("TOPIC")
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	steps := map[string]func(context.Context){
		"read": read, "commit": commit, "assign": assign, "times": times, "produce": produce, "transact": transact,
		"configs": configs,
	}
	steps[os.Getenv("STEP")](ctx)
	_ = out.Encode(object{"event": "end"})
}

func group() []kgo.Opt {
	options := []kgo.Opt{
		kgo.ConsumerGroup(os.Getenv("GROUP")), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(10 * time.Second),
	}
	if protocol, ok := os.LookupEnv("PROTOCOL_TYPE"); ok {
		options = append(options, kgo.GroupProtocol(protocol))
	}
	return options
}

func read(ctx context.Context) {
	kafka := client(group()...)
	defer kafka.Close()
	again(ctx, "PollFetches", func() (bool, error) { return polled(ctx, kafka, 200*time.Millisecond) })
}

func commit(ctx context.Context) {
	assigned := make(chan struct{}, 1)
	kafka := client(append(group(), kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
		select {
		case assigned <- struct{}{}:
		default:
		}
	}))...)
	defer kafka.Close()
	for waiting := true; waiting && ctx.Err() == nil; {
		select {
		case <-assigned:
			waiting = false
		default:
			tried("PollFetches", func() (bool, error) {
				_, err := polled(ctx, kafka, 200*time.Millisecond)
				return false, err
			})
		}
	}
	offsets := map[int32]kgo.EpochOffset{}
	for partition := int32(0); partition < int32(number("PARTITIONS", 1)); partition++ {
		offsets[partition] = kgo.EpochOffset{Epoch: -1, Offset: 1}
	}
	metadata := strings.Repeat("m", number("METADATA", 0))
	withMetadata := kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for t := range request.Topics {
			for p := range request.Topics[t].Partitions {
				request.Topics[t].Partitions[p].Metadata = &metadata
			}
		}
		return nil
	})
	again(ctx, "CommitOffsetsSync", func() (bool, error) {
		var failed error
		kafka.CommitOffsetsSync(withMetadata, map[string]map[int32]kgo.EpochOffset{topic: offsets},
			func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
				failed = err
				for _, p := range answerOf(answer) {
					if failed == nil {
						failed = kerr.ErrorForCode(p.ErrorCode)
					}
				}
			})
		return failed == nil, failed
	})
}

func answerOf(answer *kmsg.OffsetCommitResponse) (all []kmsg.OffsetCommitResponseTopicPartition) {
	if answer != nil {
		for _, t := range answer.Topics {
			all = append(all, t.Partitions...)
		}
	}
	return all
}

func assign(ctx context.Context) { direct(ctx, kgo.NewOffset().At(2), 1) }

func times(ctx context.Context) { direct(ctx, kgo.NewOffset().AfterMilli(1), number("PARTITIONS", 1)) }

// direct reads partitions without a group, from this offset on.
func direct(ctx context.Context, from kgo.Offset, partitions int) {
	offsets := map[int32]kgo.Offset{}
	for partition := int32(0); partition < int32(partitions); partition++ {
		offsets[partition] = from
	}
	kafka := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	defer kafka.Close()
	again(ctx, "PollFetches", func() (bool, error) { return polled(ctx, kafka, 200*time.Millisecond) })
}

func produce(ctx context.Context) {
	kafka := client(kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.LeaderAck()))
	defer kafka.Close()
	again(ctx, "ProduceSync", func() (bool, error) {
		err := kafka.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte{0}}).FirstErr()
		return err == nil, err
	})
}

func transact(ctx context.Context) {
	kafka := client(kgo.TransactionalID("mine"))
	defer kafka.Close()
	// It asks the brokers for a producer id.
	again(ctx, "BeginTransaction", func() (bool, error) {
		err := kafka.BeginTransaction()
		return err == nil, err
	})
}

func configs(ctx context.Context) {
	kafka := client()
	defer kafka.Close()
	request := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceType(number("CONFIG", 4)), "1"
	request.Resources = append(request.Resources, resource)
	again(ctx, "DescribeConfigs", func() (bool, error) {
		answer, err := request.RequestWith(ctx, kafka)
		if err == nil {
			err = kerr.ErrorForCode(answer.Resources[0].ErrorCode)
		}
		return err == nil, err
	})
}

func polled(ctx context.Context, kafka *kgo.Client, limit time.Duration) (bool, error) {
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	fetches := kafka.PollFetches(limited)
	for _, failed := range fetches.Errors() {
		if !errors.Is(failed.Err, context.DeadlineExceeded) && !errors.Is(failed.Err, context.Canceled) {
			return false, failed.Err
		}
	}
	return fetches.NumRecords() > 0, nil
}

func client(more ...kgo.Opt) *kgo.Client {
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(os.Getenv("BOOTSTRAP"), ",")...), kgo.FetchMaxWait(300 * time.Millisecond),
		kgo.MetadataMaxAge(time.Second), kgo.MetadataMinAge(500 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelWarn, nil)),
	}
	if _, plain := os.LookupEnv("PLAINTEXT"); !plain {
		options = append(options, kgo.DialTLSConfig(tlsConfig()))
	}
	kafka, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		panic(err)
	}
	return kafka
}

func tlsConfig() *tls.Config {
	ca, err := os.ReadFile(os.Getenv("CA"))
	if err != nil {
		panic(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(ca)
	if certificate, ok := os.LookupEnv("CERT"); ok {
		pair, err := tls.LoadX509KeyPair(certificate, os.Getenv("KEY"))
		if err != nil {
			panic(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func again(ctx context.Context, call string, once func() (bool, error)) {
	for ctx.Err() == nil {
		tried(call, once)
	}
}

func tried(call string, once func() (bool, error)) {
	done, err := once()
	if err != nil {
		var code any
		class := strings.TrimPrefix(reflect.TypeOf(root(err)).String(), "*")
		if e := new(kerr.Error); errors.As(err, &e) {
			code, class = e.Code, e.Message
		}
		if class == "errors.errorString" {
			class = root(err).Error()
		}
		_ = out.Encode(object{"event": "error", "call": call, "class": class, "code": code})
		fmt.Fprintln(os.Stderr, err)
	} else if done {
		_ = out.Encode(object{"event": "ok", "call": call})
	} else {
		return
	}
	time.Sleep(300 * time.Millisecond)
}

func root(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

func number(name string, otherwise int) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		return otherwise
	}
	return n
}
