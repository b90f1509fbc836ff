package postgres

import (
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
)

func TestBackplane(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, backplanetest.Config{New: func(t *testing.T, cluster string) backplane.Backplane {
		return New(Config{Pool: pool(t, server(t).URL()), ChannelPrefix: cluster, TableName: cluster, CreateTable: true})
	}})
}
