import type { SignedProposal } from './messages.ts';

/** go-fil-markets 1.28.3, storage deal statuses that occur here. */
export const STATE = {
  accepted: 3,
  sealing: 5,
  active: 7,
  expired: 8,
  slashed: 9,
  failing: 11,
  fundsReserved: 12,
  checkForAcceptance: 13,
  startDataTransfer: 16,
  transferring: 17,
  reserveClientFunds: 21,
  clientFunding: 23,
  error: 26,
  awaitingPreCommit: 29,
  transferQueued: 30,
} as const;

export const STATE_NAMES = [
  'StorageDealUnknown',
  'StorageDealProposalNotFound',
  'StorageDealProposalRejected',
  'StorageDealProposalAccepted',
  'StorageDealStaged',
  'StorageDealSealing',
  'StorageDealFinalizing',
  'StorageDealActive',
  'StorageDealExpired',
  'StorageDealSlashed',
  'StorageDealRejecting',
  'StorageDealFailing',
  'StorageDealFundsReserved',
  'StorageDealCheckForAcceptance',
  'StorageDealValidating',
  'StorageDealAcceptWait',
  'StorageDealStartDataTransfer',
  'StorageDealTransferring',
  'StorageDealWaitingForData',
  'StorageDealVerifyData',
  'StorageDealReserveProviderFunds',
  'StorageDealReserveClientFunds',
  'StorageDealProviderFunding',
  'StorageDealClientFunding',
  'StorageDealPublish',
  'StorageDealPublishing',
  'StorageDealError',
  'StorageDealProviderTransferAwaitRestart',
  'StorageDealClientTransferRestart',
  'StorageDealAwaitingPreCommit',
  'StorageDealTransferQueued',
] as const;

interface StageLog {
  Log: string;
  UpdatedTime: string;
}

export interface Stage {
  Name: string;
  Description: string;
  ExpectedDuration: string;
  CreatedTime: string;
  UpdatedTime: string;
  Logs: StageLog[] | null;
}

/** A deal as the node's deal client tracks it. Plain JSON. */
export interface ClientDeal {
  proposalCid: string;
  signed: SignedProposal;
  state: number;
  message: string;
  /** As it was asked for. */
  dataRef: { TransferType: string; Root: { '/': string }; PieceCid: { '/': string } | null; PieceSize: number };
  root: string;
  createdAt: string;
  stages: Stage[];
  dealId: number;
  /** Of the transfer: beyond 2^53. */
  transferId?: string;
  transferred?: number;
  fundMessage?: string;
  /** attoFIL that the node holds back for it. */
  reserved: string;
}

const DESCRIPTIONS: Readonly<Record<number, readonly [string, string]>> = {
  [STATE.reserveClientFunds]: ['Reserving client funds', 'a few minutes'],
  [STATE.fundsReserved]: ['FundsReserved', 'a few minutes'],
  [STATE.startDataTransfer]: ['Starting data transfer', 'a few minutes'],
  [STATE.checkForAcceptance]: ['Checking for deal acceptance', 'a few minutes'],
  [STATE.accepted]: ['Proposal accepted', 'a few minutes'],
  [STATE.awaitingPreCommit]: ['Awaiting a PreCommit message on chain', 'a few minutes'],
  [STATE.sealing]: ['Sealing', 'a few hours'],
  [STATE.failing]: ['Failing', ''],
};

/** Adds a line to what happened while the deal was in a state. */
export function note(deal: ClientDeal, state: number, at: string, log?: string): void {
  const name = STATE_NAMES[state] ?? STATE_NAMES[0];
  const logs = log === undefined ? [] : [{ Log: log, UpdatedTime: at }];
  const stage = deal.stages.find(({ Name }) => Name === name);
  if (stage !== undefined) {
    stage.UpdatedTime = at;
    stage.Logs = [...(stage.Logs ?? []), ...logs];
    return;
  }
  const [Description = '', ExpectedDuration = ''] = DESCRIPTIONS[state] ?? [];
  deal.stages.push({ Name: name, Description, ExpectedDuration, CreatedTime: at, UpdatedTime: at, Logs: logs.length > 0 ? logs : null });
}
